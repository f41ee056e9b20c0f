package expr

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"strings"
)

// hasher is a HashAlgorithm, keyed or not.
type hasher struct {
	name string
	make func() hash.Hash
	key  []byte
	hmac bool
	fed  []byte // by TransformBlock
	done bool   // TransformFinalBlock ran
}

func (h *hasher) sum(f *frame, data []byte) any {
	f.step(1 + len(data)/512)
	return h.digest(data)
}

func (h *hasher) digest(data []byte) []byte {
	d := h.make()
	if h.hmac {
		d = hmac.New(h.make, h.key)
	}
	d.Write(data)
	return d.Sum(nil)
}

var hashes = []struct {
	name string
	make func() hash.Hash
	id   crypto.Hash
}{{"MD5", md5.New, crypto.MD5}, {"SHA1", sha1.New, crypto.SHA1}, {"SHA256", sha256.New, crypto.SHA256}, {"SHA384", sha512.New384, crypto.SHA384}, {"SHA512", sha512.New, crypto.SHA512}}

const cryptoSpace = "System.Security.Cryptography."

func cryptoTypes() []typeRow {
	out := []typeRow{
		{decl: "class " + cryptoSpace + "HashAlgorithm : IDisposable", is: instance[*hasher], rows: append(hashBlocks(), []row{
			{sig: "byte[] ComputeHash(byte[] b)", get: func(f *frame, a []any) any { return a[0].(*hasher).sum(f, arg[[]byte](a, 1)) }},
			{sig: "byte[] ComputeHash(byte[] b, int i, int n)", get: func(f *frame, a []any) any {
				b, i, n := arg[[]byte](a, 1), num(a, 2), num(a, 3)
				if i < 0 || n < 0 || i+n > int64(len(b)) {
					badIndex()
				}
				return a[0].(*hasher).sum(f, b[i:i+n])
			}},
			{sig: "int HashSize", get: func(v any) int64 { return int64(v.(*hasher).make().Size() * 8) }},
		}...)},
		{decl: "class " + cryptoSpace + "KeyedHashAlgorithm : HashAlgorithm", is: instance[*hasher], rows: []row{
			{sig: "byte[] Key", get: func(v any) any { return v.(*hasher).key }, set: func(_ *frame, a []any) any { a[0].(*hasher).key = arg[[]byte](a, 1); return nil }},
		}},
		{decl: "class " + cryptoSpace + "HMAC : KeyedHashAlgorithm", is: instance[*hasher]},
		{decl: "struct " + cryptoSpace + "HashAlgorithmName", is: instance[hashName], rows: hashNames()},
		{decl: "class " + cryptoSpace + "RSASignaturePadding", is: instance[padding2], rows: []row{
			{sig: "static RSASignaturePadding Pkcs1", get: fixedValue(padding2("pkcs1"))}, {sig: "static RSASignaturePadding Pss", get: fixedValue(padding2("pss"))},
		}},
		{decl: "class " + cryptoSpace + "RSAEncryptionPadding", is: instance[padding2], rows: []row{
			{sig: "static RSAEncryptionPadding Pkcs1", get: fixedValue(padding2("pkcs1"))}, {sig: "static RSAEncryptionPadding OaepSHA1", get: fixedValue(padding2("oaep1"))}, {sig: "static RSAEncryptionPadding OaepSHA256", get: fixedValue(padding2("oaep256"))},
			{sig: "static RSAEncryptionPadding OaepSHA384", get: fixedValue(padding2("oaep384"))}, {sig: "static RSAEncryptionPadding OaepSHA512", get: fixedValue(padding2("oaep512"))},
		}},
		{decl: "struct " + cryptoSpace + "RSAParameters", is: instance[*rsaParameters], rows: rsaParameterRows()},
		{decl: "class " + cryptoSpace + "AsymmetricAlgorithm : IDisposable", is: instance[*rsaKey], rows: asymmetricRows()},
		{decl: "class " + cryptoSpace + "RSA : AsymmetricAlgorithm", is: instance[*rsaKey], rows: rsaRows()},
		{decl: "class " + cryptoSpace + "RSACryptoServiceProvider : RSA", is: instance[*rsaKey], rows: rsaProviderRows()},
		{decl: "class " + cryptoSpace + "SymmetricAlgorithm : IDisposable", is: instance[*symmetric], rows: symmetricRows()},
		{decl: "class " + cryptoSpace + "Aes : SymmetricAlgorithm", is: instance[*symmetric], rows: []row{{sig: "static Aes Create()", get: newSymmetric}}},
		{decl: "class " + cryptoSpace + "AesManaged : Aes", is: instance[*symmetric], rows: []row{{sig: "new()", get: newSymmetric}}},
		{decl: "class " + cryptoSpace + "AesCryptoServiceProvider : Aes", is: instance[*symmetric], rows: []row{{sig: "new()", get: newSymmetric}}},
		{decl: "class " + cryptoSpace + "RijndaelManaged : Aes", is: instance[*symmetric], rows: []row{{sig: "new()", get: newSymmetric}}},
		{decl: "enum " + cryptoSpace + "CipherMode", enum: "CBC=1 ECB OFB CFB CTS"},
		{decl: "enum " + cryptoSpace + "PaddingMode", enum: "None=1 PKCS7 Zeros ANSIX923 ISO10126"},
		{decl: "interface " + cryptoSpace + "ICryptoTransform : IDisposable", is: instance[*transform], rows: []row{
			{sig: "byte[] TransformFinalBlock(byte[] b, int i, int n)", get: func(f *frame, a []any) any {
				b, i, n := arg[[]byte](a, 1), num(a, 2), num(a, 3)
				if i < 0 || n < 0 || i+n > int64(len(b)) {
					badIndex()
				}
				t := a[0].(*transform)
				return t.s.run(f, b[i:i+n], t.encrypt)
			}},
		}},
		{decl: "static " + cryptoSpace + "CryptographicOperations", rows: []row{
			{sig: "static bool FixedTimeEquals(byte[] a, byte[] b)", get: func(_ *frame, a []any) any { return hmac.Equal(arg[[]byte](a, 0), arg[[]byte](a, 1)) }},
		}},
		{decl: "static CryptoExtensions", rows: encryptRows()},
	}
	for _, h := range hashes {
		create := func(_ *frame, a []any) any { return &hasher{name: h.name, make: h.make} }
		out = append(out, typeRow{decl: "class " + cryptoSpace + h.name + " : HashAlgorithm", is: func(v any) bool { x, ok := v.(*hasher); return ok && x.name == h.name }, rows: []row{
			{sig: "static " + h.name + " Create()", get: create},
			{sig: "static byte[] HashData(byte[] b)", get: func(f *frame, a []any) any { return (&hasher{make: h.make}).sum(f, arg[[]byte](a, 0)) }},
		}})
		for _, suffix := range []string{"Managed", "CryptoServiceProvider"} {
			out = append(out, typeRow{decl: "class " + cryptoSpace + h.name + suffix + " : " + h.name, rows: []row{{sig: "new()", get: create}}})
		}
		keyed := func(_ *frame, a []any) any {
			return &hasher{name: "HMAC" + h.name, make: h.make, key: arg[[]byte](a, 0), hmac: true}
		}
		out = append(out, typeRow{decl: "class " + cryptoSpace + "HMAC" + h.name + " : HMAC", is: func(v any) bool { x, ok := v.(*hasher); return ok && x.name == "HMAC"+h.name }, rows: []row{
			{sig: "new(byte[] key)", get: keyed}, {sig: "new()", get: func(*frame, []any) any { return &hasher{name: "HMAC" + h.name, make: h.make, hmac: true} }},
			{sig: "static byte[] HashData(byte[] key, byte[] b)", get: func(f *frame, a []any) any {
				return (&hasher{make: h.make, key: arg[[]byte](a, 0), hmac: true}).sum(f, arg[[]byte](a, 1))
			}},
		}})
	}
	return append(append(append(out, certificateTypes()...), certificatePartTypes()...), jwtTypes()...)
}

type hashName string

// String is the name of the algorithm.
func (h hashName) String() string { return string(h) }

func (h hashName) hash() crypto.Hash {
	for _, x := range hashes {
		if x.name == string(h) {
			return x.id
		}
	}
	throw(cryptoSpace+"CryptographicException", "The hash algorithm '%s' is not known.", string(h))
	return 0
}

func hashNames() []row {
	var rows []row
	for _, h := range hashes {
		rows = append(rows, row{sig: "static HashAlgorithmName " + h.name, get: fixedValue(hashName(h.name))})
	}
	return rows
}

// padding2 names an RSA padding.
type padding2 string

func cryptoFailed(err error) {
	throw(cryptoSpace+"CryptographicException", "%s", err)
}

// symmetric is AES with key, IV, mode and padding.
type symmetric struct {
	key, iv       []byte
	mode, padding int64
}

type transform struct {
	s       *symmetric
	encrypt bool
}

func newSymmetric(*frame, []any) any { return &symmetric{mode: 1, padding: 2} }

func (s *symmetric) run(f *frame, data []byte, encrypt bool) any {
	f.step(1 + len(data)/256)
	f.charge(len(data) + 32)
	block, err := aes.NewCipher(s.key)
	if err != nil {
		throw(cryptoSpace+"CryptographicException", "Specified key is not a valid size for this algorithm.")
	}
	if s.mode != 2 && len(s.iv) != aes.BlockSize {
		throw(cryptoSpace+"CryptographicException", "Specified initialization vector (IV) does not match the block size for this algorithm.")
	}
	if encrypt {
		return s.crypt(block, s.pad(data), true)
	}
	if len(data)%aes.BlockSize != 0 {
		throw(cryptoSpace+"CryptographicException", "The input data is not a complete block.")
	}
	return s.unpad(s.crypt(block, data, false))
}

func (s *symmetric) crypt(block cipher.Block, data []byte, encrypt bool) []byte {
	if len(data)%aes.BlockSize != 0 {
		throw(cryptoSpace+"CryptographicException", "The input data is not a complete block.")
	}
	out := make([]byte, len(data))
	switch {
	case s.mode == 2:
		for i := 0; i < len(data); i += aes.BlockSize {
			if encrypt {
				block.Encrypt(out[i:], data[i:])
			} else {
				block.Decrypt(out[i:], data[i:])
			}
		}
	case s.mode != 1:
		throw(cryptoSpace+"CryptographicException", "Specified cipher mode is not valid for this algorithm.")
	case encrypt:
		cipher.NewCBCEncrypter(block, s.iv).CryptBlocks(out, data)
	default:
		cipher.NewCBCDecrypter(block, s.iv).CryptBlocks(out, data)
	}
	return out
}

func (s *symmetric) pad(data []byte) []byte {
	n := aes.BlockSize - len(data)%aes.BlockSize
	switch s.padding {
	case 1:
		return data
	case 3:
		if n == aes.BlockSize {
			return data
		}
		return append(bytes.Clone(data), make([]byte, n)...)
	}
	return append(bytes.Clone(data), bytes.Repeat([]byte{byte(n)}, n)...)
}

func (s *symmetric) unpad(data []byte) any {
	if s.padding == 1 || s.padding == 3 {
		return data
	}
	if len(data) == 0 {
		return data
	}
	n := int(data[len(data)-1])
	if n == 0 || n > aes.BlockSize || n > len(data) || !bytes.Equal(data[len(data)-n:], bytes.Repeat([]byte{byte(n)}, n)) {
		throw(cryptoSpace+"CryptographicException", "Padding is invalid and cannot be removed.")
	}
	return data[:len(data)-n]
}

func symmetricRows() []row {
	pass := func(encrypt bool) tableFunc {
		return func(_ *frame, a []any) any {
			s := *a[0].(*symmetric)
			if len(a) == 3 {
				s.key, s.iv = arg[[]byte](a, 1), arg[[]byte](a, 2)
			}
			return &transform{&s, encrypt}
		}
	}
	return append(keyRows(), []row{
		{sig: "byte[] Key", get: func(v any) any { return v.(*symmetric).key }, set: func(_ *frame, a []any) any { a[0].(*symmetric).key = arg[[]byte](a, 1); return nil }},
		{sig: "byte[] IV", get: func(v any) any { return v.(*symmetric).iv }, set: func(_ *frame, a []any) any { a[0].(*symmetric).iv = arg[[]byte](a, 1); return nil }},
		{sig: "CipherMode Mode", get: func(v any) int64 { return v.(*symmetric).mode }, set: func(_ *frame, a []any) any { a[0].(*symmetric).mode = num(a, 1); return nil }},
		{sig: "PaddingMode Padding", get: func(v any) int64 { return v.(*symmetric).padding }, set: func(_ *frame, a []any) any { a[0].(*symmetric).padding = num(a, 1); return nil }},
		{sig: "int KeySize", get: func(v any) int64 { return int64(len(v.(*symmetric).key) * 8) }, set: func(*frame, []any) any { return nil }},
		{sig: "int BlockSize", get: func(any) int64 { return 128 }, set: func(*frame, []any) any { return nil }},
		{sig: "ICryptoTransform CreateEncryptor()", get: pass(true)}, {sig: "ICryptoTransform CreateEncryptor(byte[] key, byte[] iv)", get: pass(true)},
		{sig: "ICryptoTransform CreateDecryptor()", get: pass(false)}, {sig: "ICryptoTransform CreateDecryptor(byte[] key, byte[] iv)", get: pass(false)},
	}...)
}

// encryptRows are byte[].Encrypt and Decrypt.
func encryptRows() []row {
	var rows []row
	for _, encrypt := range []bool{true, false} {
		name := map[bool]string{true: "Encrypt", false: "Decrypt"}[encrypt]
		rows = append(rows,
			row{sig: "static byte[] " + name + "(this byte[] b, string alg, byte[] key, byte[] iv)", get: func(f *frame, a []any) any {
				switch strings.ToLower(text(a, 1)) {
				case "aes", "aesmanaged", "rijndael", "rijndaelmanaged", "system.security.cryptography.aes":
				default:
					throw(cryptoSpace+"CryptographicException", "The algorithm '%s' is not supported; use Aes.", text(a, 1))
				}
				s := &symmetric{key: arg[[]byte](a, 2), iv: arg[[]byte](a, 3), mode: 1, padding: 2}
				return s.run(f, arg[[]byte](a, 0), encrypt)
			}},
			row{sig: "static byte[] " + name + "(this byte[] b, SymmetricAlgorithm alg)", get: func(f *frame, a []any) any {
				return arg[*symmetric](a, 1).run(f, arg[[]byte](a, 0), encrypt)
			}},
			row{sig: "static byte[] " + name + "(this byte[] b, SymmetricAlgorithm alg, byte[] key, byte[] iv)", get: func(f *frame, a []any) any {
				s := *arg[*symmetric](a, 1)
				s.key, s.iv = arg[[]byte](a, 2), arg[[]byte](a, 3)
				return s.run(f, arg[[]byte](a, 0), encrypt)
			}})
	}
	return rows
}
