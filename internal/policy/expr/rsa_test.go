package expr

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"testing"
)

// What one key encrypts, signs and exports, the other reads back.
func TestRSA(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	c := testContext()
	c.Variables.Set("key", x509.MarshalPKCS1PrivateKey(key))
	for _, text := range []string{
		`return Encoding.UTF8.GetString(r.Decrypt(q.Encrypt(Encoding.UTF8.GetBytes("ok"), RSAEncryptionPadding.OaepSHA256), RSAEncryptionPadding.OaepSHA256));`,
		`return Encoding.UTF8.GetString(r.Decrypt(q.Encrypt(Encoding.UTF8.GetBytes("ok"), RSAEncryptionPadding.OaepSHA1), RSAEncryptionPadding.OaepSHA1));`,
		`return Encoding.UTF8.GetString(q.Decrypt(r.Encrypt(Encoding.UTF8.GetBytes("ok"), RSAEncryptionPadding.Pkcs1), RSAEncryptionPadding.Pkcs1));`,
		`var h = SHA256.Create().ComputeHash(new byte[] { 1 }); return q.VerifyHash(h, r.SignHash(h, HashAlgorithmName.SHA256, RSASignaturePadding.Pss), HashAlgorithmName.SHA256, RSASignaturePadding.Pss) ? "ok" : "no";`,
		`return q.VerifyData(new byte[] { 1 }, r.SignData(new byte[] { 1 }, HashAlgorithmName.SHA512, RSASignaturePadding.Pkcs1), HashAlgorithmName.SHA512, RSASignaturePadding.Pkcs1) ? "ok" : "no";`,
		`var p = r.ExportParameters(false); var x = RSA.Create(); x.FromXmlString("<RSAKeyValue><Modulus>" + Convert.ToBase64String(p.Modulus) + "</Modulus><Exponent>" + Convert.ToBase64String(p.Exponent) + "</Exponent></RSAKeyValue>");
			return Encoding.UTF8.GetString(r.Decrypt(x.Encrypt(Encoding.UTF8.GetBytes("ok"), RSAEncryptionPadding.OaepSHA512), RSAEncryptionPadding.OaepSHA512));`,
		`var s = new RSACryptoServiceProvider(); s.FromXmlString(r.ToXmlString(true)); var b = Encoding.UTF8.GetBytes("data"); var sig = s.SignData(b, "SHA256");
			var same = q.VerifyData(b, sig, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1) && s.VerifyData(b, SHA256.Create(), sig) && s.VerifyData(b, typeof(SHA256Managed), sig);
			return same && !s.VerifyData(b, "SHA512", sig) && !s.PublicOnly ? "ok" : "no";`,
		`var s = new RSACryptoServiceProvider(2048); s.ImportParameters(r.ExportParameters(true)); var h = SHA512.Create().ComputeHash(new byte[] { 1 });
			return s.VerifyHash(h, "SHA512", s.SignHash(h, "2.16.840.1.101.3.4.2.3")) ? "ok" : "no";`,
		`var s = new RSACryptoServiceProvider(); s.FromXmlString(r.ToXmlString(true)); return Encoding.UTF8.GetString(s.Decrypt(s.Encrypt(Encoding.UTF8.GetBytes("ok"), true), true));`,
		`var s = new RSACryptoServiceProvider(); s.FromXmlString(r.ToXmlString(false)); try { s.SignData(new byte[] { 1 }, "SHA256"); return "signed"; } catch (CryptographicException) { return s.PublicOnly ? "ok" : "no"; }`,
	} {
		text = `var r = RSA.Create(); int n; r.ImportRSAPrivateKey((byte[])context.Variables["key"], out n); var q = RSA.Create(r.ExportParameters(true)); ` + text
		if s, err := mustCompile(t, text, true, String).String(c); s != "ok" || err != nil {
			t.Errorf("%s: %q %v", text, s, err)
		}
	}
}
