package expr

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
)

// rsaKey is RSA with a private or only a public key.
type rsaKey struct {
	private *rsa.PrivateKey
	public  *rsa.PublicKey
	bits    int // of the key that is made when it is needed and none was imported
}

// Sizes of keys.
const (
	rsaBits    = 2048
	minRSABits = 1024
	maxRSABits = 4096
)

func newRSA(bits int64) *rsaKey {
	if bits < minRSABits || bits > maxRSABits || bits%8 != 0 {
		throw(cryptoSpace+"CryptographicException", "Specified key is not a valid size for this algorithm.")
	}
	return &rsaKey{bits: int(bits)}
}

// make makes a key of one's own, which takes a while.
func (k *rsaKey) make(f *frame) {
	if k.public != nil || k.bits == 0 {
		return
	}
	f.step(k.bits * k.bits / 32)
	key, err := rsa.GenerateKey(rand.Reader, k.bits)
	if err != nil {
		cryptoFailed(err)
	}
	k.private, k.public = key, &key.PublicKey
}

type rsaParameters struct{ parts map[string][]byte }

func rsaParameterRows() []row {
	rows := []row{{sig: "new()", get: func(*frame, []any) any { return &rsaParameters{map[string][]byte{}} }}}
	for _, n := range []string{"Modulus", "Exponent", "D", "P", "Q", "DP", "DQ", "InverseQ"} {
		rows = append(rows, row{sig: "byte[] " + n, get: func(v any) any { return v.(*rsaParameters).parts[n] },
			set: func(_ *frame, a []any) any { a[0].(*rsaParameters).parts[n] = arg[[]byte](a, 1); return nil }})
	}
	return rows
}

func (k *rsaKey) load(p *rsaParameters) {
	n := func(name string) *big.Int { return new(big.Int).SetBytes(p.parts[name]) }
	k.public = &rsa.PublicKey{N: n("Modulus"), E: int(n("Exponent").Int64())}
	if len(p.parts["D"]) > 0 {
		k.private = &rsa.PrivateKey{PublicKey: *k.public, D: n("D"), Primes: []*big.Int{n("P"), n("Q")}}
		if err := k.private.Validate(); err != nil {
			cryptoFailed(err)
		}
		k.private.Precompute()
	}
}

func rsaRows() []row {
	sum := func(name any, data []byte) (crypto.Hash, []byte) {
		id := name.(hashName).hash()
		h := id.New()
		h.Write(data)
		return id, h.Sum(nil)
	}
	return append(rsaMore(), []row{
		{sig: "static RSA Create()", get: func(*frame, []any) any { return newRSA(rsaBits) }},
		{sig: "static RSA Create(int bits)", get: func(_ *frame, a []any) any { return newRSA(num(a, 0)) }},
		{sig: "static RSA Create(RSAParameters p)", get: func(_ *frame, a []any) any { k := &rsaKey{}; k.load(arg[*rsaParameters](a, 0)); return k }},
		{sig: "void ImportParameters(RSAParameters p)", get: func(_ *frame, a []any) any { a[0].(*rsaKey).load(arg[*rsaParameters](a, 1)); return nil }},
		{sig: "void ImportFromPem(string s)", get: func(_ *frame, a []any) any { a[0].(*rsaKey).pem(text(a, 1)); return nil }},
		{sig: "void ImportPkcs8PrivateKey(byte[] b, out int n)", get: func(_ *frame, a []any) any {
			b := arg[[]byte](a, 1)
			a[0].(*rsaKey).der(b)
			a[2].(*outRef).set(int32(len(b)))
			return nil
		}},
		{sig: "void ImportRSAPrivateKey(byte[] b, out int n)", get: func(_ *frame, a []any) any {
			b := arg[[]byte](a, 1)
			a[0].(*rsaKey).der(b)
			a[2].(*outRef).set(int32(len(b)))
			return nil
		}},
		{sig: "byte[] SignData(byte[] b, HashAlgorithmName h, RSASignaturePadding p)", get: func(f *frame, a []any) any {
			id, h := sum(a[2], arg[[]byte](a, 1))
			return a[0].(*rsaKey).sign(f, id, h, a[3])
		}},
		{sig: "bool VerifyData(byte[] b, byte[] s, HashAlgorithmName h, RSASignaturePadding p)", get: func(f *frame, a []any) any {
			id, h := sum(a[3], arg[[]byte](a, 1))
			return a[0].(*rsaKey).verify(f, id, h, arg[[]byte](a, 2), a[4])
		}},
	}...)
}

// randomReader reads the random source of the request.
type randomReader struct{ f *frame }

func (r randomReader) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r.f.ctx.Random())
	}
	return len(p), nil
}

func (k *rsaKey) pem(s string) {
	block, _ := pem.Decode([]byte(s))
	if block == nil {
		throw("System.ArgumentException", "No supported key formats were found.")
	}
	k.der(block.Bytes)
}

func (k *rsaKey) der(b []byte) {
	if p, err := x509.ParsePKCS1PrivateKey(b); err == nil {
		k.private, k.public = p, &p.PublicKey
	} else if p, err := x509.ParsePKCS8PrivateKey(b); err == nil {
		if r, ok := p.(*rsa.PrivateKey); ok {
			k.private, k.public = r, &r.PublicKey
		}
	} else if p, err := x509.ParsePKIXPublicKey(b); err == nil {
		k.public, _ = p.(*rsa.PublicKey)
	}
	if k.public == nil {
		throw(cryptoSpace+"CryptographicException", "The key could not be read.")
	}
}
