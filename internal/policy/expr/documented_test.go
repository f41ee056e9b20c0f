package expr

import (
	"strings"
	"testing"
)

// documentedNames are the types that the documentation of policy expressions
// allows; the strict profile must know each.
const documentedNames = `
Newtonsoft.Json.Formatting Newtonsoft.Json.JsonConvert Newtonsoft.Json.Linq.Extensions Newtonsoft.Json.Linq.JArray Newtonsoft.Json.Linq.JConstructor
Newtonsoft.Json.Linq.JContainer Newtonsoft.Json.Linq.JObject Newtonsoft.Json.Linq.JProperty Newtonsoft.Json.Linq.JRaw Newtonsoft.Json.Linq.JToken
Newtonsoft.Json.Linq.JTokenType Newtonsoft.Json.Linq.JValue System.Array System.BitConverter System.Boolean System.Byte System.Char
System.Collections.Generic.Dictionary~2 System.Collections.Generic.HashSet~1 System.Collections.Generic.ICollection~1 System.Collections.Generic.IDictionary~2
System.Collections.Generic.IEnumerable~1 System.Collections.Generic.IEnumerator~1 System.Collections.Generic.IList~1 System.Collections.Generic.IReadOnlyCollection~1
System.Collections.Generic.IReadOnlyDictionary~2 System.Collections.Generic.ISet~1 System.Collections.Generic.KeyValuePair~2 System.Collections.Generic.List~1
System.Collections.Generic.Queue~1 System.Collections.Generic.Stack~1 System.Convert System.DateTime System.DateTimeKind System.DateTimeOffset System.Decimal
System.Double System.Exception System.Guid System.Int16 System.Int32 System.Int64 System.IO.StringReader System.IO.StringWriter System.Linq.Enumerable
System.Math System.MidpointRounding System.Net.IPAddress System.Net.WebUtility System.Nullable~1 System.Random System.SByte
System.Security.Cryptography.AsymmetricAlgorithm System.Security.Cryptography.CipherMode System.Security.Cryptography.HashAlgorithm
System.Security.Cryptography.HashAlgorithmName System.Security.Cryptography.HMAC System.Security.Cryptography.HMACMD5 System.Security.Cryptography.HMACSHA1
System.Security.Cryptography.HMACSHA256 System.Security.Cryptography.HMACSHA384 System.Security.Cryptography.HMACSHA512
System.Security.Cryptography.KeyedHashAlgorithm System.Security.Cryptography.MD5 System.Security.Cryptography.Oid System.Security.Cryptography.PaddingMode
System.Security.Cryptography.RNGCryptoServiceProvider System.Security.Cryptography.RSA System.Security.Cryptography.RSAEncryptionPadding
System.Security.Cryptography.RSASignaturePadding System.Security.Cryptography.SHA1 System.Security.Cryptography.SHA1Managed System.Security.Cryptography.SHA256
System.Security.Cryptography.SHA256Managed System.Security.Cryptography.SHA384 System.Security.Cryptography.SHA384Managed System.Security.Cryptography.SHA512
System.Security.Cryptography.SHA512Managed System.Security.Cryptography.SymmetricAlgorithm
System.Security.Cryptography.RSACryptoServiceProvider System.Security.Cryptography.X509Certificates.PublicKey
System.Security.Cryptography.X509Certificates.RSACertificateExtensions System.Security.Cryptography.X509Certificates.X500DistinguishedName
System.Security.Cryptography.X509Certificates.X509Certificate System.Security.Cryptography.X509Certificates.X509Certificate2
System.Security.Cryptography.X509Certificates.X509ContentType System.Security.Cryptography.X509Certificates.X509NameType
System.Single System.String System.StringComparer System.StringComparison System.StringSplitOptions System.Text.Encoding
System.Text.RegularExpressions.Capture System.Text.RegularExpressions.CaptureCollection System.Text.RegularExpressions.Group
System.Text.RegularExpressions.GroupCollection System.Text.RegularExpressions.Match System.Text.RegularExpressions.Regex System.Text.RegularExpressions.RegexOptions
System.Text.StringBuilder System.TimeSpan System.TimeZone System.TimeZoneInfo.AdjustmentRule System.TimeZoneInfo.TransitionTime System.TimeZoneInfo
System.Tuple System.UInt16 System.UInt32 System.UInt64 System.Uri System.UriPartial System.Xml.Linq.Extensions System.Xml.Linq.XAttribute System.Xml.Linq.XCData
System.Xml.Linq.XComment System.Xml.Linq.XContainer System.Xml.Linq.XDeclaration System.Xml.Linq.XDocument System.Xml.Linq.XDocumentType
System.Xml.Linq.XElement System.Xml.Linq.XName System.Xml.Linq.XNamespace System.Xml.Linq.XNode System.Xml.Linq.XNodeDocumentOrderComparer
System.Xml.Linq.XNodeEqualityComparer System.Xml.Linq.XObject System.Xml.Linq.XProcessingInstruction System.Xml.Linq.XText System.Xml.XmlNodeType`

func TestDocumentedNames(t *testing.T) {
	for _, name := range strings.Fields(documentedNames) {
		if d := types().full[strings.ReplaceAll(name, "~", "`")]; d == nil || d.extended {
			t.Errorf("the strict profile has no type %s", name)
		}
	}
}
