package expr

import (
	"crypto"
	"crypto/aes"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"hash"
	"math/big"
	"slices"
)

// piece checks the range of a byte array argument.
func piece(a []any, at int) []byte {
	b, i, n := arg[[]byte](a, at), num(a, at+1), num(a, at+2)
	if i < 0 || n < 0 || i+n > int64(len(b)) {
		throw("System.ArgumentException", "Offset and length were out of bounds for the array or count is greater than the number of elements from index to the end of the source collection.")
	}
	return b[i : i+n]
}

// hashBlocks are the members that feed a hash in pieces.
func hashBlocks() []row {
	feed := func(f *frame, a []any) []byte {
		h, b := a[0].(*hasher), piece(a, 1)
		f.charge(len(b))
		if h.done {
			h.fed, h.done = nil, false
		}
		h.fed = append(h.fed, b...)
		return b
	}
	return []row{
		{sig: "int TransformBlock(byte[] b, int i, int n, byte[]? to, int j)", get: func(f *frame, a []any) any {
			b := feed(f, a)
			if to, ok := a[4].([]byte); ok && num(a, 5) >= 0 && num(a, 5) <= int64(len(to)) {
				copy(to[num(a, 5):], b)
			}
			return int32(len(b))
		}},
		{sig: "byte[] TransformFinalBlock(byte[] b, int i, int n)", get: func(f *frame, a []any) any {
			b := feed(f, a)
			a[0].(*hasher).done = true
			return slices.Clone(b)
		}},
		{sig: "byte[] Hash", get: func(v any) any {
			h := v.(*hasher)
			if !h.done {
				throw(cryptoSpace+"CryptographicUnexpectedOperationException", "Hash must be finalized before the hash value is retrieved.")
			}
			return h.digest(h.fed)
		}},
		{sig: "void Initialize()", get: func(_ *frame, a []any) any { a[0].(*hasher).fed, a[0].(*hasher).done = nil, false; return nil }},
		{sig: "void Clear()", get: func(*frame, []any) any { return nil }},
	}
}

// keyRows make keys of the random source of the request.
func keyRows() []row {
	fresh := func(f *frame, n int) []byte {
		b := make([]byte, n)
		fillRandom(f, b)
		return b
	}
	return []row{
		{sig: "void GenerateKey()", get: func(f *frame, a []any) any {
			s := a[0].(*symmetric)
			n := len(s.key)
			if n == 0 {
				n = 32
			}
			s.key = fresh(f, n)
			return nil
		}},
		{sig: "void GenerateIV()", get: func(f *frame, a []any) any { a[0].(*symmetric).iv = fresh(f, aes.BlockSize); return nil }},
		{sig: "void Clear()", get: func(*frame, []any) any { return nil }},
		{sig: "bool ValidKeySize(int n)", get: func(_ *frame, a []any) any { return num(a, 1) == 128 || num(a, 1) == 192 || num(a, 1) == 256 }},
	}
}

func (k *rsaKey) needPublic(f *frame) *rsa.PublicKey {
	k.make(f)
	if k.public == nil {
		throw(cryptoSpace+"CryptographicException", "The key is empty.")
	}
	return k.public
}

func (k *rsaKey) needPrivate(f *frame) *rsa.PrivateKey {
	k.make(f)
	if k.private == nil {
		throw(cryptoSpace+"CryptographicException", "The key has no private part.")
	}
	return k.private
}

// oaepHash is the hash of an OAEP padding; nil for PKCS #1.
func oaepHash(p any) hash.Hash {
	switch p {
	case padding2("oaep1"):
		return sha1.New()
	case padding2("oaep256"):
		return sha256.New()
	case padding2("oaep384"):
		return sha512.New384()
	case padding2("oaep512"):
		return sha512.New()
	}
	return nil
}

func (k *rsaKey) sign(f *frame, id crypto.Hash, sum []byte, p any) any {
	key := k.needPrivate(f)
	f.step(1000)
	var out []byte
	var err error
	if p == padding2("pss") {
		out, err = rsa.SignPSS(randomReader{f}, key, id, sum, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	} else {
		out, err = rsa.SignPKCS1v15(nil, key, id, sum)
	}
	if err != nil {
		cryptoFailed(err)
	}
	return out
}

func (k *rsaKey) verify(f *frame, id crypto.Hash, sum, signature []byte, p any) any {
	key := k.needPublic(f)
	f.step(200)
	if p == padding2("pss") {
		return rsa.VerifyPSS(key, id, sum, signature, nil) == nil
	}
	return rsa.VerifyPKCS1v15(key, id, sum, signature) == nil
}

// asymmetricRows are what every key has.
func asymmetricRows() []row {
	return []row{
		{sig: "string ToXmlString(bool private)", get: func(f *frame, a []any) any { return a[0].(*rsaKey).xmlText(f, unboxBool(a[1])) }},
		{sig: "void FromXmlString(string s)", get: func(f *frame, a []any) any {
			p := &rsaParameters{map[string][]byte{}}
			for _, e := range parseXML(f, text(a, 1)).elements(f, "", true) {
				if b, err := base64.StdEncoding.DecodeString(e.text()); err == nil {
					p.parts[e.name] = b
				}
			}
			if len(p.parts["Modulus"]) == 0 || len(p.parts["Exponent"]) == 0 {
				throw(cryptoSpace+"CryptographicException", "Input string does not contain a valid encoding of the 'RSA' 'Modulus' parameter.")
			}
			a[0].(*rsaKey).load(p)
			return nil
		}},
		{sig: "int KeySize", get: func(v any) int64 {
			if k := v.(*rsaKey); k.public != nil {
				return int64(k.public.N.BitLen())
			}
			return int64(v.(*rsaKey).bits)
		}, set: func(_ *frame, a []any) any {
			*a[0].(*rsaKey) = *newRSA(num(a, 1))
			return nil
		}},
		{sig: "void Clear()", get: func(*frame, []any) any { return nil }},
	}
}

// rsaMore are hashes that the caller made, encryption, and keys in and out.
func rsaMore() []row {
	return []row{
		{sig: "byte[] SignHash(byte[] h, HashAlgorithmName n, RSASignaturePadding p)", get: func(f *frame, a []any) any {
			return a[0].(*rsaKey).sign(f, a[2].(hashName).hash(), arg[[]byte](a, 1), a[3])
		}},
		{sig: "bool VerifyHash(byte[] h, byte[] s, HashAlgorithmName n, RSASignaturePadding p)", get: func(f *frame, a []any) any {
			return a[0].(*rsaKey).verify(f, a[3].(hashName).hash(), arg[[]byte](a, 1), arg[[]byte](a, 2), a[4])
		}},
		{sig: "byte[] Encrypt(byte[] b, RSAEncryptionPadding p)", get: func(f *frame, a []any) any {
			f.step(200)
			key, b := a[0].(*rsaKey).needPublic(f), arg[[]byte](a, 1)
			var out []byte
			var err error
			if h := oaepHash(a[2]); h != nil {
				out, err = rsa.EncryptOAEP(h, randomReader{f}, key, b, nil)
			} else {
				//lint:ignore SA1019 policies name this padding
				out, err = rsa.EncryptPKCS1v15(randomReader{f}, key, b)
			}
			if err != nil {
				cryptoFailed(err)
			}
			return out
		}},
		{sig: "byte[] Decrypt(byte[] b, RSAEncryptionPadding p)", get: func(f *frame, a []any) any {
			f.step(1000)
			key, b := a[0].(*rsaKey).needPrivate(f), arg[[]byte](a, 1)
			var out []byte
			var err error
			if h := oaepHash(a[2]); h != nil {
				out, err = rsa.DecryptOAEP(h, nil, key, b, nil)
			} else {
				//lint:ignore SA1019 policies name this padding
				out, err = rsa.DecryptPKCS1v15(nil, key, b)
			}
			if err != nil {
				cryptoFailed(err)
			}
			return out
		}},
		{sig: "RSAParameters ExportParameters(bool private)", get: func(f *frame, a []any) any { return a[0].(*rsaKey).parameters(f, unboxBool(a[1])) }},
	}
}

func (k *rsaKey) parameters(f *frame, private bool) *rsaParameters {
	p := &rsaParameters{map[string][]byte{}}
	key := k.needPublic(f)
	p.parts["Modulus"], p.parts["Exponent"] = key.N.Bytes(), big.NewInt(int64(key.E)).Bytes()
	if !private {
		return p
	}
	x := k.needPrivate(f)
	half := (key.N.BitLen() + 15) / 16
	put := func(name string, n *big.Int, size int) { p.parts[name] = n.FillBytes(make([]byte, size)) }
	put("D", x.D, 2*half)
	put("P", x.Primes[0], half)
	put("Q", x.Primes[1], half)
	put("DP", x.Precomputed.Dp, half)
	put("DQ", x.Precomputed.Dq, half)
	put("InverseQ", x.Precomputed.Qinv, half)
	return p
}
