package expr

import (
	"strings"
	"testing"
)

// documentedValues are cases of the types that few policies use.
var documentedValues = [][2]string{
	// System.Xml.Linq
	{`XElement.Parse("<a><b/>t<c/></a>").Element("b").NextNode.ToString()`, "t"}, {`XElement.Parse("<a><b/><c/></a>").Element("c").PreviousNode.ToString()`, "<b />"},
	{`XElement.Parse("<a><b/></a>").Element("b").NextNode == null`, "True"}, {`XElement.Parse("<a><b/><c/><d/></a>").Element("b").ElementsAfterSelf().Count()`, "2"},
	{`XElement.Parse("<a><b/><c/><d/></a>").Element("d").ElementsBeforeSelf("b").Count()`, "1"}, {`XElement.Parse("<a><b><c/></b></a>").Descendants("c").First().Ancestors().Select(e => e.Name.LocalName).Last()`, "a"},
	{`XElement.Parse("<a><b><c/></b></a>").Descendants("c").First().AncestorsAndSelf().Count()`, "3"}, {`XElement.Parse("<a><b/></a>").FirstNode.ToString()`, "<b />"},
	{`XElement.Parse("<a x='1' y='2'/>").FirstAttribute.Name`, "x"}, {`XElement.Parse("<a x='1' y='2'/>").LastAttribute.Value`, "2"}, {`XElement.Parse("<a x='1' y='2'/>").FirstAttribute.NextAttribute.Value`, "2"},
	{`XNode.DeepEquals(XElement.Parse("<a><b>1</b></a>"), XElement.Parse("<a> <b>1</b> </a>"))`, "True"}, {`XNode.DeepEquals(XElement.Parse("<a/>"), XElement.Parse("<b/>"))`, "False"},
	{`XElement.Parse("<a>t</a>").FirstNode.NodeType`, "Text"}, {`(int)XmlNodeType.CDATA`, "4"}, {`new XElement("a", new XCData("<x>")).ToString()`, "<a><![CDATA[<x>]]></a>"},
	{`new XProcessingInstruction("t", "d").ToString()`, "<?t d?>"}, {`new XDeclaration("1.0", "utf-8", null).ToString()`, `<?xml version="1.0" encoding="utf-8"?>`},
	{`XDocument.Parse("<?xml version='1.0' encoding='utf-8' standalone='yes'?><a/>").Declaration.Standalone`, "yes"}, {`XDocument.Parse("<a/>").Declaration == null`, "True"},
	{`new XDocument(new XDocumentType("html", null, null, null), new XElement("html")).DocumentType.Name`, "html"}, {`XDocument.Parse("<r><a><x/></a><a><x/><x/></a></r>").Descendants("a").Elements("x").Count()`, "3"},
	{`XDocument.Parse("<r><a k='1'/><a k='2'/></r>").Root.Elements().Attributes("k").Sum(x => (int)x)`, "3"}, {`XName.Get("n", "urn:x").ToString()`, "{urn:x}n"}, {`XNamespace.Xml.NamespaceName`, "http://www.w3.org/XML/1998/namespace"},
	{`((XName)"{urn:a}b").Namespace.NamespaceName`, "urn:a"}, {`XElement.Parse("<a xmlns='urn:d' xmlns:p='urn:p'/>").GetDefaultNamespace().ToString()`, "urn:d"}, {`XElement.Parse("<a xmlns:p='urn:p'/>").GetPrefixOfNamespace("urn:p")`, "p"},
	{`XElement.Parse("<a xmlns:p='urn:p'/>").FirstAttribute.IsNamespaceDeclaration`, "True"}, {`new XNodeDocumentOrderComparer().Compare(XElement.Parse("<a/>"), XElement.Parse("<a/>"))`, "!System.InvalidOperationException"},
	{`new XNodeEqualityComparer().Equals(XElement.Parse("<a/>"), XElement.Parse("<a/>"))`, "True"}, {`XDocument.Parse("<a><b/></a>").Root.Document.Root.Name`, "a"},
	// collections, tuples, text, addresses
	{`Tuple.Create(1, "a").Item2`, "a"}, {`Tuple.Create(1, "a", true).ToString()`, "(1, a, True)"}, {`new Tuple<int, string>(4, "x").Item1 + 1`, "5"},
	{`new[] { 1, 2 }.Concat(new[] { 3 }).ToList().GetEnumerator().MoveNext()`, "True"}, {`new List<int>().GetEnumerator().Current`, "!System.InvalidOperationException"},
	{`IPAddress.Parse("10.1.2.3").GetAddressBytes()[3]`, "3"}, {`IPAddress.Parse("x")`, "!System.FormatException"}, {`IPAddress.TryParse("::1", out var a) && IPAddress.IsLoopback(a)`, "True"},
	{`IPAddress.Parse("2001:DB8:0:0:0:0:0:1").ToString()`, "2001:db8::1"}, {`IPAddress.Loopback.ToString()`, "127.0.0.1"}, {`(int)IPAddress.Parse("::1").AddressFamily`, "23"}, {`IPAddress.Parse("::ffff:10.0.0.1").MapToIPv4().ToString()`, "10.0.0.1"},
	{`new Uri("https://a.example:8443/p/q?x=1#f").GetLeftPart(UriPartial.Authority)`, "https://a.example:8443"}, {`new Uri("https://a.example/p/q?x=1").GetLeftPart(UriPartial.Path)`, "https://a.example/p/q"},
	{`new Oid("1.2.3").Value`, "1.2.3"},
	{`new JObject { ["a"] = new JRaw("{\"b\":1}") }.ToString(Formatting.None)`, `{"a":{"b":1}}`}, {`new JConstructor("Date", 1, 2).ToString(Formatting.None)`, "new Date(1,2)"}, {`new JRaw("x").Type`, "Raw"},
	// time zones
	{`TimeZoneInfo.ConvertTimeFromUtc(new DateTime(2024, 7, 1, 12, 0, 0), TimeZoneInfo.FindSystemTimeZoneById("W. Europe Standard Time")).ToString("HH:mm")`, "14:00"},
	{`TimeZoneInfo.ConvertTimeFromUtc(new DateTime(2024, 1, 1, 12, 0, 0), TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin")).Hour`, "13"},
	{`TimeZoneInfo.ConvertTimeToUtc(new DateTime(2024, 7, 1, 12, 0, 0), TimeZoneInfo.FindSystemTimeZoneById("Eastern Standard Time")).Hour`, "16"},
	{`TimeZoneInfo.ConvertTimeBySystemTimeZoneId(DateTime.UtcNow, "India Standard Time").ToString("HH:mm")`, "12:38"}, {`TimeZoneInfo.FindSystemTimeZoneById("Nowhere")`, "!System.TimeZoneNotFoundException"},
	{`TimeZoneInfo.FindSystemTimeZoneById("Pacific Standard Time").BaseUtcOffset.ToString()`, "-08:00:00"}, {`TimeZoneInfo.FindSystemTimeZoneById("Tokyo Standard Time").SupportsDaylightSavingTime`, "False"},
	{`TimeZoneInfo.FindSystemTimeZoneById("GMT Standard Time").IsDaylightSavingTime(new DateTime(2024, 7, 1))`, "True"}, {`TimeZoneInfo.FindSystemTimeZoneById("GMT Standard Time").Id`, "GMT Standard Time"},
	{`TimeZoneInfo.ConvertTime(new DateTimeOffset(2024, 1, 1, 12, 0, 0, TimeSpan.Zero), TimeZoneInfo.FindSystemTimeZoneById("Tokyo Standard Time")).ToString("o")`, "2024-01-01T21:00:00.0000000+09:00"},
	{`TimeZone.CurrentTimeZone.GetUtcOffset(DateTime.UtcNow).TotalHours`, "0"},
}

var documentedBlocks = [][2]string{
	{`var e = XElement.Parse("<a><b/></a>"); e.Element("b").AddAfterSelf(new XElement("c", 1)); e.Element("b").AddBeforeSelf("t"); return e.ToString(SaveOptions.DisableFormatting);`, "<a>t<b /><c>1</c></a>"},
	{`var e = XElement.Parse("<a><b/><c/></a>"); e.Element("b").ReplaceWith(new XElement("d"), "x"); return e.ToString(SaveOptions.DisableFormatting);`, "<a><d />x<c /></a>"},
	{`var e = XElement.Parse("<a x='1'><b/></a>"); e.RemoveAttributes(); e.AddFirst(new XElement("z")); e.Elements("b").Remove(); return e.ToString(SaveOptions.DisableFormatting);`, "<a><z /></a>"},
	{`var e = XElement.Parse("<a x='1'><b/></a>"); e.RemoveAll(); e.Name = "n"; e.SetValue(5); return e.ToString();`, "<n>5</n>"},
	{`var e = XElement.Parse("<a><b/></a>"); e.ReplaceNodes(new XElement("c"), new XAttribute("k", "v")); return e.ToString(SaveOptions.DisableFormatting);`, `<a k="v"><c /></a>`},
	{`new XElement("a").Element("b").Remove(); return 1;`, "!System.NullReferenceException"}, {`new XElement("a").AddAfterSelf(1); return 1;`, "!System.InvalidOperationException"},
	{`var i = new List<int> { 4, 5 }.GetEnumerator(); int s = 0; while (i.MoveNext()) { s += i.Current; } return s;`, "9"},
	{`var w = new StringWriter(); w.Write("a"); w.WriteLine(1); w.Write("{0}-{1}", 2, 3); return w.ToString();`, "a1\n2-3"},
	{`using (var r = new RNGCryptoServiceProvider()) { var b = new byte[8]; r.GetBytes(b); return b.Length; }`, "8"},
}

func TestDocumentedTypes(t *testing.T) {
	for _, v := range documentedValues {
		evaluate(t, v[0], false, v[1])
	}
	for _, v := range documentedBlocks {
		evaluate(t, v[0], true, v[1])
	}
}

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
System.Security.Cryptography.X509Certificates.X509Certificate2
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
