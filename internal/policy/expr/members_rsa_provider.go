package expr

import (
	"crypto"
	"encoding/base64"
	"strings"
)

// rsaProviderRows are the members that only RSACryptoServiceProvider has: they
// name the hash by a text, an object or a type, and the padding by a flag.
func rsaProviderRows() []row {
	padding := func(v any) any {
		if v == true {
			return padding2("oaep1")
		}
		return padding2("pkcs1")
	}
	encrypt, decrypt := rsaFunction("Encrypt"), rsaFunction("Decrypt")
	return []row{
		{sig: "new()", get: func(*frame, []any) any { return newRSA(rsaBits) }},
		{sig: "new(int bits)", get: func(_ *frame, a []any) any { return newRSA(num(a, 0)) }},
		{sig: "byte[] SignData(byte[] b, object h)", get: func(f *frame, a []any) any {
			id := hashOf(a[2])
			return a[0].(*rsaKey).sign(f, id, digest(f, id, arg[[]byte](a, 1)), padding2("pkcs1"))
		}},
		{sig: "bool VerifyData(byte[] b, object h, byte[] s)", get: func(f *frame, a []any) any {
			id := hashOf(a[2])
			return a[0].(*rsaKey).verify(f, id, digest(f, id, arg[[]byte](a, 1)), arg[[]byte](a, 3), padding2("pkcs1"))
		}},
		{sig: "byte[] SignHash(byte[] h, string name)", get: func(f *frame, a []any) any {
			return a[0].(*rsaKey).sign(f, hashOf(a[2]), arg[[]byte](a, 1), padding2("pkcs1"))
		}},
		{sig: "bool VerifyHash(byte[] h, string name, byte[] s)", get: func(f *frame, a []any) any {
			return a[0].(*rsaKey).verify(f, hashOf(a[2]), arg[[]byte](a, 1), arg[[]byte](a, 3), padding2("pkcs1"))
		}},
		{sig: "byte[] Encrypt(byte[] b, bool oaep)", get: func(f *frame, a []any) any { return encrypt(f, []any{a[0], a[1], padding(a[2])}) }},
		{sig: "byte[] Decrypt(byte[] b, bool oaep)", get: func(f *frame, a []any) any { return decrypt(f, []any{a[0], a[1], padding(a[2])}) }},
		{sig: "bool PublicOnly", get: func(v any) bool { k := v.(*rsaKey); return k.private == nil && k.public != nil }},
		{sig: "bool PersistKeyInCsp", get: func(any) bool { return false }, set: func(*frame, []any) any { return nil }},
	}
}

// rsaFunction is a member of RSA, for the forms that only name it differently.
func rsaFunction(name string) tableFunc {
	for _, r := range rsaMore() {
		if strings.Contains(r.sig, " "+name+"(") {
			return r.get.(tableFunc)
		}
	}
	panic("type table: RSA has no " + name)
}

// hashOf finds the hash that a text, an object identifier, a HashAlgorithm or a
// type names.
func hashOf(v any) crypto.Hash {
	name := ""
	switch x := v.(type) {
	case string:
		name = x
	case *hasher:
		name = x.name
	case *typ:
		name = x.clrName()
	case nil:
		throw("System.ArgumentNullException", "Value cannot be null. (Parameter 'halg')")
	}
	name = strings.ToUpper(strings.ReplaceAll(name, "-", ""))
	for _, suffix := range []string{"MANAGED", "CRYPTOSERVICEPROVIDER"} {
		name = strings.TrimSuffix(name, suffix)
	}
	for _, h := range hashes {
		if name == h.name || name == hashOids[h.name] {
			return h.id
		}
	}
	throw("System.ArgumentException", "The specified hash algorithm is not known. (Parameter 'halg')")
	return 0
}

var hashOids = map[string]string{"MD5": "1.2.840.113549.2.5", "SHA1": "1.3.14.3.2.26", "SHA256": "2.16.840.1.101.3.4.2.1",
	"SHA384": "2.16.840.1.101.3.4.2.2", "SHA512": "2.16.840.1.101.3.4.2.3"}

func digest(f *frame, id crypto.Hash, data []byte) []byte {
	f.step(1 + len(data)/512)
	h := id.New()
	h.Write(data)
	return h.Sum(nil)
}

// xmlText is ToXmlString.
func (k *rsaKey) xmlText(f *frame, private bool) string {
	names := []string{"Modulus", "Exponent"}
	if private {
		names = append(names, "P", "Q", "DP", "DQ", "InverseQ", "D")
	}
	p := k.parameters(f, private)
	var b strings.Builder
	b.WriteString("<RSAKeyValue>")
	for _, n := range names {
		b.WriteString("<" + n + ">" + base64.StdEncoding.EncodeToString(p.parts[n]) + "</" + n + ">")
	}
	b.WriteString("</RSAKeyValue>")
	return b.String()
}
