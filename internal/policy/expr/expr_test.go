package expr

import (
	"strings"
	"testing"
)

// values are expressions and the text of their value. A text that starts with
// "!" is the exception that the expression throws.
var values = [][2]string{
	// literals
	{`1`, "1"}, {`1_000`, "1000"}, {`0xFF`, "255"}, {`0b101`, "5"}, {`1.5`, "1.5"}, {`1e3`, "1000"}, {`2L`, "2"}, {`3u`, "3"}, {`1.10m`, "1.10"},
	{`true`, "True"}, {`null`, ""}, {`'a'`, "a"}, {`'\n'.ToString().Length`, "1"}, {`"a\tb\u0041\x42"`, "a\tbAB"}, {`@"a\b""c"`, `a\b"c`}, {`"\U0001F600".Length`, "2"},
	{`'\''`, "'"}, {`1.0`, "1"}, {`.5`, "0.5"}, {`1f`, "1"}, {`4294967295`, "4294967295"}, {`9223372036854775808`, "9223372036854775808"},
	// arithmetic
	{`1 + 2 * 3`, "7"}, {`(1 + 2) * 3`, "9"}, {`7 / 2`, "3"}, {`-7 / 2`, "-3"}, {`7 % 3`, "1"}, {`-7 % 3`, "-1"}, {`7 / 2.0`, "3.5"}, {`1 << 4`, "16"}, {`-16 >> 2`, "-4"},
	{`6 & 3`, "2"}, {`6 | 3`, "7"}, {`6 ^ 3`, "5"}, {`~5`, "-6"}, {`-(5)`, "-5"}, {`+5`, "5"}, {`int.MaxValue + context.Response.StatusCode - 429 + 1`, "-2147483648"},
	{`(byte)300`, "44"}, {`(int)3.9`, "3"}, {`(int)-3.9`, "-3"}, {`(char)65`, "A"}, {`(int)'A'`, "65"}, {`'a' + 1`, "98"}, {`(long)1 << 40`, "1099511627776"}, {`1 << 33`, "2"},
	{`(short)70000`, "4464"}, {`0.1 + 0.2`, "0.30000000000000004"}, {`0.1m + 0.2m`, "0.3"}, {`10m / 4`, "2.5"}, {`1m / 3`, "0.3333333333333333333333333333"},
	{`5.0 / 0`, "Infinity"}, {`5 / (context.Response.StatusCode - 429)`, "!System.DivideByZeroException"}, {`5 % (context.Response.StatusCode - 429)`, "!System.DivideByZeroException"},
	{`checked(int.MaxValue + context.Response.StatusCode)`, "!System.OverflowException"}, {`unchecked(int.MaxValue + context.Response.StatusCode)`, "-2147483220"},
	{`1e15`, "1E+15"}, {`123456789012.5`, "123456789012.5"}, {`0.00001`, "1E-05"}, {`100000000000000000000.0`, "1E+20"},
	// comparison and logic
	{`1 < 2`, "True"}, {`2 <= 1`, "False"}, {`1 == 1.0`, "True"}, {`"a" == "a"`, "True"}, {`"a" != "b"`, "True"}, {`null == null`, "True"}, {`!true`, "False"},
	{`true && false || true`, "True"}, {`true ^ true`, "False"}, {`true & false`, "False"}, {`'a' < 'b'`, "True"}, {`context.Product == null`, "True"}, {`null != context.Api`, "True"},
	{`(string)null == null`, "True"}, {`context.Variables["s"] == "text"`, "True"}, {`1 > 2 ? "a" : "b"`, "b"}, {`true ? 1 : 2.5`, "1"}, {`(int?)null == 3`, "False"}, {`(int?)3 == 3`, "True"},
	{`(int?)null > 3`, "False"}, {`((int?)2 + 3).ToString()`, "5"}, {`((int?)null + 3) == null`, "True"}, {`(int?)null ?? 5`, "5"}, {`3UL > 2`, "True"},
	// strings
	{`"a" + 1 + 2`, "a12"}, {`1 + 2 + "a"`, "3a"}, {`"a" + null + "b"`, "ab"}, {`"x" + true`, "xTrue"}, {`"x" + 'c' + 1.5`, "xc1.5"}, {`$"{1 + 1}|{"q"}"`, "2|q"}, {`$"{{{1}}}"`, "{1}"},
	{`$"{3.14159:F2}"`, "3.14"}, {`$"{5,4}|{5,-3}|"`, "   5|5  |"}, {`$"{(true ? "y" : "n")}"`, "y"}, {`$@"a\{1}""b"`, `a\1"b`}, {`@$"c\{2}"`, `c\2`}, {`$"{$"{1}{2}"}3"`, "123"},
	{`$"{tenant-id}/x"`, "{tenant-id}/x"}, {`$"{new DateTime(2024, 1, 2):yyyy-MM-dd}"`, "2024-01-02"}, {`$"{255:X4}"`, "00FF"},
	{`"Hello".Length`, "5"}, {`"Hello"[1]`, "e"}, {`"Hello".Substring(1, 3)`, "ell"}, {`"Hello".Substring(2)`, "llo"}, {`"Hello".Substring(9)`, "!System.ArgumentOutOfRangeException"},
	{`"Hello"[9]`, "!System.IndexOutOfRangeException"}, {`" a ".Trim()`, "a"}, {`"/a/".Trim('/')`, "a"}, {`"/a/".TrimEnd('/')`, "/a"}, {`"xxa".TrimStart('x')`, "a"}, {`"aBc".ToUpper()`, "ABC"}, {`"aBc".ToLowerInvariant()`, "abc"},
	{`"a,b,,c".Split(',').Length`, "4"}, {`"a,b,,c".Split(new[] {','}, StringSplitOptions.RemoveEmptyEntries).Length`, "3"}, {`"a=b=c".Split(new char[] {'='}, 2)[1]`, "b=c"},
	{`"a--b".Split(new[] { "--" }, StringSplitOptions.None)[1]`, "b"}, {`"a b\tc".Split(null).Length`, "3"}, {`"a,b;c".Split(',', ';')[2]`, "c"},
	{`"abc".Contains("bc")`, "True"}, {`"abc".Contains('z')`, "False"}, {`"abc".StartsWith("AB", StringComparison.OrdinalIgnoreCase)`, "True"}, {`"abc".EndsWith("c")`, "True"},
	{`"abcabc".IndexOf("c")`, "2"}, {`"abcabc".LastIndexOf('c')`, "5"}, {`"abc".IndexOf("z")`, "-1"}, {`"abcabc".IndexOf('a', 1)`, "3"}, {`"aXbX".Replace("X", "-")`, "a-b-"}, {`"aXb".Replace('X', 'y')`, "ayb"}, {`"abc".Replace("b", null)`, "ac"},
	{`"abc".PadLeft(5)`, "  abc"}, {`"abc".PadRight(5, '.')`, "abc.."}, {`"abc".Remove(1)`, "a"}, {`"abc".Remove(0, 1)`, "bc"}, {`"ac".Insert(1, "b")`, "abc"}, {`new string('x', 3)`, "xxx"},
	{`string.IsNullOrEmpty("")`, "True"}, {`string.IsNullOrEmpty(null)`, "True"}, {`String.IsNullOrWhiteSpace(" ")`, "True"}, {`string.Format("{0}-{1:D3}", "a", 7)`, "a-007"}, {`string.Format("{0,5}|", 1)`, "    1|"},
	{`string.Join(",", new[] { "a", "b" })`, "a,b"}, {`string.Join("-", 1, "x", true)`, "1-x-True"}, {`string.Join(";", new List<int> { 1, 2 })`, "1;2"}, {`string.Concat("a", 1, null)`, "a1"}, {`string.Compare("a", "b")`, "-1"},
	{`string.Equals("A", "a", StringComparison.OrdinalIgnoreCase)`, "True"}, {`"a".Equals("A")`, "False"}, {`"a".CompareTo("b") < 0`, "True"}, {`"é😀x".Length`, "4"}, {`"é😀x".Substring(3)`, "x"}, {`string.Format("{2}", 1)`, "!System.FormatException"},
	{`((string)null).Length`, "!System.NullReferenceException"}, {`"abc".ToCharArray().Length`, "3"}, {`string.Empty.Length`, "0"}, {`char.IsDigit('5')`, "True"}, {`char.ToUpper('a')`, "A"}, {`"abc".Contains(null)`, "!System.ArgumentNullException"},
	// conversions
	{`int.Parse("42")`, "42"}, {`int.Parse("x")`, "!System.FormatException"}, {`int.Parse("99999999999")`, "!System.OverflowException"}, {`Convert.ToInt32("7") + 1`, "8"}, {`Convert.ToInt32(2.5)`, "2"}, {`Convert.ToInt32(null)`, "0"},
	{`Convert.ToInt32("ff", 16)`, "255"}, {`Convert.ToString(255, 16)`, "ff"}, {`Convert.ToBoolean("true")`, "True"}, {`bool.Parse("False")`, "False"}, {`double.Parse("1.5") * 2`, "3"}, {`Convert.ToString(12)`, "12"},
	{`Convert.ToBase64String(Encoding.UTF8.GetBytes("hi"))`, "aGk="}, {`Encoding.UTF8.GetString(Convert.FromBase64String("aGk="))`, "hi"}, {`Convert.FromBase64String("*")`, "!System.FormatException"}, {`Convert.ToByte(300)`, "!System.OverflowException"},
	{`(int)context.Variables["n"]`, "7"}, {`(string)context.Variables["n"]`, "!System.InvalidCastException"}, {`(int)context.Variables["none"]`, "!System.NullReferenceException"}, {`(long)(int)context.Variables["n"]`, "7"},
	{`context.Variables["n"] as string == null`, "True"}, {`context.Variables["n"] is int`, "True"}, {`context.Variables["n"] is int i && i > 6`, "True"}, {`context.Variables["s"] is null`, "False"}, {`context.Variables["n"] is 7`, "True"},
	{`BitConverter.ToString(new byte[] { 1, 171 })`, "01-AB"}, {`BitConverter.ToInt32(new byte[] { 1, 0, 0, 0 }, 0)`, "1"}, {`1234.5.ToString("N2")`, "1,234.50"}, {`5.ToString("D3")`, "005"}, {`0.256.ToString("P1")`, "25.6 %"}, {`1234.567.ToString("#,##0.0")`, "1,234.6"},
	{`12.ToString("00000")`, "00012"}, {`255.ToString("x")`, "ff"}, {`1.5m.ToString()`, "1.5"}, {`12345.678.ToString("E2")`, "1.23E+004"}, {`Math.Max(1, 2L)`, "2"}, {`Math.Round(2.5)`, "2"}, {`Math.Round(2.567, 2)`, "2.57"}, {`Math.Floor(-1.5)`, "-2"}, {`Math.Abs(-3)`, "3"}, {`Math.Ceiling((double)7 / 2)`, "4"},
	// context
	{`context.Api.Id`, "api1"}, {`context.Product?.Name ?? "none"`, "none"}, {`context.Product.Name`, "!System.NullReferenceException"}, {`context.Request.Method`, "GET"}, {`context.Request.Headers.GetValueOrDefault("x-a", "d")`, "b"},
	{`context.Request.Headers.GetValueOrDefault("Accept")`, "text/html,*/*"}, {`context.Request.Headers.GetValueOrDefault("None", "d")`, "d"}, {`context.Request.Headers.GetValueOrDefault("None") == null`, "True"}, {`context.Request.Headers["Accept"][1]`, "*/*"},
	{`context.Request.Headers["None"]`, "!System.Collections.Generic.KeyNotFoundException"}, {`context.Request.Headers.ContainsKey("x-a")`, "True"}, {`context.Request.Url.Path`, "/v1/items"}, {`context.Request.Url.Query.GetValueOrDefault("q")`, "a b"}, {`context.Request.Url.Query["tag"].Length`, "2"},
	{`context.Request.Url.QueryString`, "?q=a%20b&tag=x&tag=y"}, {`context.Request.Url.Port`, "443"}, {`context.Request.Url.ToString()`, "https://api.example.com/v1/items?q=a%20b&tag=x&tag=y"}, {`context.Request.MatchedParameters["id"]`, "42"}, {`context.Request.MatchedParameters["x"]`, "!System.Collections.Generic.KeyNotFoundException"},
	{`context.Request.MatchedParameters.GetValueOrDefault("x", "d")`, "d"}, {`context.Response.StatusCode`, "429"}, {`context.RequestId.ToString("N")`, "0123456789abcdeffedcba9876543210"}, {`context.Timestamp.ToString("o")`, "2024-05-06T07:08:09.0000000Z"}, {`context.Elapsed.TotalSeconds`, "1.5"},
	{`context.Variables.GetValueOrDefault<string>("none", "d")`, "d"}, {`context.Variables.GetValueOrDefault<int>("none")`, "0"}, {`context.Variables.GetValueOrDefault<int>("n", 1)`, "7"}, {`context.Variables.GetValueOrDefault<string>("n")`, "!System.InvalidCastException"}, {`context.Variables.ContainsKey("s")`, "True"},
	{`context.Variables["none"] == null`, "True"}, {`context.LastError.Reason`, "TokenExpired"}, {`context.User.Groups.Any(g => g.Name == "Admins")`, "True"}, {`string.Join(",", context.User.Groups.Select(g => g.Id))`, "g1,g2"}, {`context.Deployment.Region.Equals("west europe", StringComparison.OrdinalIgnoreCase)`, "True"},
	{`((IResponse)context.Variables["resp"]).StatusCode == 200`, "True"}, {`((IResponse)context.Variables["resp"]).Body.As<JObject>()["a"].Count()`, "3"}, {`context.Response.Body.As<string>()`, "hello"}, {`context.Request.Headers.GetValueOrDefault("Authorization").AsBasic().UserId`, "user"},
	{`context.Request.Body.As<string>(preserveContent: true).Length > 10`, "True"}, {`(int)context.Request.Body.As<JObject>(true)["user"]["age"] + 1`, "31"}, {`RETRY_COUNT + 1`, "!System.InvalidOperationException"}, {`context.Api.Protocols.First()`, "https"}, {`(string)context.Request.MatchedParameters("id")`, "42"},
	// JSON
	{`JObject.Parse("{'a':1}")["a"]`, "1"}, {`JObject.Parse("{\"a\":{\"b\":true}}")["a"]["b"]`, "True"}, {`JObject.Parse("{\"a\":1}")["b"] == null`, "True"}, {`JObject.Parse("{\"a\":1}")["b"]["c"]`, "!System.NullReferenceException"}, {`JObject.Parse("{\"a\":1}")["b"]?["c"]?.ToString() ?? "d"`, "d"},
	{`JObject.Parse("{\"a\":1, // c\n b: [1,2,],}").ToString(Formatting.None)`, `{"a":1,"b":[1,2]}`}, {`new JObject(new JProperty("a", 1)).ToString()`, "{\n  \"a\": 1\n}"}, {`JArray.Parse("[1,2,3]").Sum(x => (int)x)`, "6"}, {`JArray.Parse("[1,2,3]").Count`, "3"}, {`JObject.Parse("[1]")`, "!Newtonsoft.Json.JsonReaderException"},
	{`JObject.Parse("{")`, "!Newtonsoft.Json.JsonReaderException"}, {`(int)JToken.Parse("\"12\"")`, "12"}, {`JToken.Parse("1.0").ToString(Formatting.None)`, "1.0"}, {`(bool)JToken.Parse("true")`, "True"}, {`(int?)JToken.Parse("null") ?? 9`, "9"}, {`JToken.Parse("{\"x\":[{\"y\":5}]}").SelectToken("$.x[0].y")`, "5"},
	{`JToken.Parse("{\"x\":1}").SelectToken("q") == null`, "True"}, {`JObject.Parse("{\"a\":\"2024-01-02T03:04:05Z\"}")["a"].Type == JTokenType.Date`, "True"}, {`JObject.Parse("{\"a\":\"2024-01-02T03:04:05Z\"}").ToString(Formatting.None)`, `{"a":"2024-01-02T03:04:05Z"}`}, {`JObject.Parse("{\"a\":\"2024-01-02T03:04:05Z\"}")["a"].ToString()`, "01/02/2024 03:04:05"},
	{`JsonConvert.SerializeObject(new { a = 1, b = new[] { "x" }, c = (string)null })`, `{"a":1,"b":["x"],"c":null}`}, {`JsonConvert.DeserializeObject<List<string>>("['a','b']").Count`, "2"}, {`JsonConvert.SerializeObject("a\"b")`, `"a\"b"`}, {`JObject.Parse("{\"a\":1,\"b\":2}").Properties().Select(p => p.Name).Last()`, "b"},
	{`JObject.FromObject(new { x = 1.5 }).ToString(Formatting.None)`, `{"x":1.5}`}, {`new JArray(1, "a", true).ToString(Formatting.None)`, `[1,"a",true]`}, {`new JObject { ["a"] = 1, ["b"] = null }.ToString(Formatting.None)`, `{"a":1,"b":null}`}, {`new JObject { { "a", 1 } }.Value<int>("a")`, "1"}, {`new JObject().Value<int>("a")`, "0"},
	{`JArray.Parse("[{\"n\":\"x\"},{\"n\":\"y\"}]").Select(t => (string)t["n"]).ToArray()[1]`, "y"}, {`JToken.DeepEquals(JToken.Parse("{\"a\":1,\"b\":2}"), JToken.Parse("{\"b\":2,\"a\":1}"))`, "True"}, {`JObject.Parse("{\"a\":null}")["a"].Type == JTokenType.Null`, "True"},
	// LINQ and collections
	{`new[] { 3, 1, 2 }.OrderBy(x => x).First()`, "1"}, {`new[] { 3, 1, 2 }.OrderByDescending(x => x).Select(x => x * 2).ToArray()[0]`, "6"}, {`new[] { 1, 2, 3 }.Where(x => x > 1).Sum()`, "5"}, {`new int[0].First()`, "!System.InvalidOperationException"}, {`new int[0].FirstOrDefault()`, "0"},
	{`new[] { "a", "b" }.Contains("b")`, "True"}, {`new[] { 1, 2, 3 }.Aggregate((a, b) => a * b)`, "6"}, {`new[] { 1, 2 }.Average()`, "1.5"}, {`new[] { 1, 5, 2 }.Max()`, "5"}, {`Enumerable.Range(1, 4).Count(x => x % 2 == 0)`, "2"}, {`new[] { "a", "b", "a" }.Distinct().Count()`, "2"},
	{`new[] { "aa", "b" }.ToDictionary(x => x.Length)[2]`, "aa"}, {`new[] { "aa", "b", "cc" }.GroupBy(x => x.Length).First().Count()`, "2"}, {`new List<int> { 1, 2 }[1]`, "2"}, {`new List<int>()[0]`, "!System.ArgumentOutOfRangeException"}, {`new int[2][5]`, "!System.IndexOutOfRangeException"},
	{`new Dictionary<string, int> { ["a"] = 1 }["a"]`, "1"}, {`new Dictionary<string, int> { { "a", 1 } }["b"]`, "!System.Collections.Generic.KeyNotFoundException"}, {`new HashSet<string> { "a", "a" }.Count`, "1"}, {`new[] { 1, 2, 3 }.Skip(1).Take(1).Single()`, "2"}, {`"hello".Where(c => c == 'l').Count()`, "2"}, {`"abc".Reverse().ToArray().Length`, "3"},
	{`new[] { 1, 2 }.Zip(new[] { 3, 4 }, (a, b) => a * b).Sum()`, "11"}, {`new[] { new[] { 1 }, new[] { 2, 3 } }.SelectMany(x => x).Count()`, "3"}, {`new[] { "b", "a" }.All(x => x.Length == 1)`, "True"}, {`new byte[] { 1, 2, 3 }.Length`, "3"}, {`new[] { 1, 2.5 }[0]`, "1"},
	// time, guid, uri
	{`DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ")`, "2024-05-06T07:08:10Z"}, {`DateTime.UtcNow.ToString("R")`, "Mon, 06 May 2024 07:08:10 GMT"}, {`DateTime.UtcNow.ToString("u")`, "2024-05-06 07:08:10Z"}, {`DateTime.UtcNow.AddDays(1).Day`, "7"}, {`(DateTime.UtcNow - new DateTime(1970, 1, 1)).TotalDays > 19000`, "True"},
	{`new DateTime(2024, 1, 31).AddMonths(1).ToString("yyyy-MM-dd")`, "2024-02-29"}, {`DateTimeOffset.UtcNow.ToUnixTimeSeconds()`, "1714979290"}, {`DateTimeOffset.FromUnixTimeSeconds(0).ToString("o")`, "1970-01-01T00:00:00.0000000+00:00"}, {`DateTime.Parse("2024-01-02T03:04:05Z").Hour`, "3"}, {`DateTime.Parse("x")`, "!System.FormatException"},
	{`DateTime.MinValue < DateTime.UtcNow`, "True"}, {`TimeSpan.FromMinutes(90).ToString()`, "01:30:00"}, {`new TimeSpan(1, 2, 3).TotalSeconds`, "3723"}, {`DateTime.UtcNow.DayOfWeek`, "Monday"}, {`new DateTime(2024, 13, 1)`, "!System.ArgumentOutOfRangeException"}, {`DateTime.UtcNow.ToString()`, "05/06/2024 07:08:10"}, {`DateTime.UtcNow.ToString("dddd, dd MMM yy h:mm tt")`, "Monday, 06 May 24 7:08 AM"},
	{`TimeSpan.Parse("1.02:03:04").Hours`, "2"}, {`Guid.Parse("01234567-89ab-cdef-fedc-ba9876543210").ToByteArray()[0]`, "103"}, {`Guid.NewGuid().ToString().Length`, "36"}, {`Guid.NewGuid() == Guid.NewGuid()`, "False"}, {`Guid.Empty.ToString("N").Length`, "32"}, {`Guid.Parse("x")`, "!System.FormatException"},
	{`Uri.EscapeDataString("a b/é")`, "a%20b%2F%C3%A9"}, {`System.Net.WebUtility.UrlEncode("a b/é")`, "a+b%2F%C3%A9"}, {`WebUtility.UrlDecode("a+b%2F")`, "a b/"}, {`WebUtility.HtmlEncode("<a href='x'>")`, "&lt;a href=&#39;x&#39;&gt;"}, {`new Uri("https://A.com:8443/p?q=1").Port`, "8443"}, {`new Uri("https://A.com/p").Host`, "a.com"}, {`new Uri("nope")`, "!System.UriFormatException"},
	{`new Random(5).Next(1, 3) >= 1`, "True"}, {`new Random().Next(10) < 10`, "True"},
	// regex, crypto, xml
	{`Regex.IsMatch("abc1", @"^[a-z]+\d$")`, "True"}, {`Regex.Match("a=1;b=2", @"b=(\d)").Groups[1].Value`, "2"}, {`Regex.Match("key:v", @"(?<k>\w+):").Groups["k"].Value`, "key"}, {`Regex.Replace("a1b2", @"\d", "#")`, "a#b#"}, {`Regex.Replace("ab", "(a)(b)", "$2$1")`, "ba"}, {`Regex.Replace("ab", "[ab]", m => m.Value.ToUpper())`, "AB"},
	{`Regex.Matches("a1b22", @"\d+").Count`, "2"}, {`Regex.Split("a1b2c", @"\d").Length`, "3"}, {`Regex.IsMatch("ABC", "abc", RegexOptions.IgnoreCase)`, "True"}, {`new Regex("a+").Match("caat").Index`, "1"}, {`Regex.IsMatch("x", (string)context.Variables["s"] + "(")`, "!System.ArgumentException"},
	{`BitConverter.ToString(SHA256.Create().ComputeHash(Encoding.UTF8.GetBytes("a"))).Replace("-", "").ToLower().Substring(0, 8)`, "ca978112"}, {`Convert.ToBase64String(new HMACSHA256(Encoding.UTF8.GetBytes("k")).ComputeHash(Encoding.UTF8.GetBytes("d"))).Length`, "44"},
	{`Encoding.UTF8.GetString(Encoding.UTF8.GetBytes("secret").Encrypt("Aes", new byte[16], new byte[16]).Decrypt("Aes", new byte[16], new byte[16]))`, "secret"}, {`new byte[3].Encrypt("Aes", new byte[5], new byte[16])`, "!System.Security.Cryptography.CryptographicException"}, {`MD5.Create().ComputeHash(new byte[0]).Length`, "16"},
	{`XDocument.Parse("<a><b>1</b><b x='2'/></a>").Root.Elements("b").Count()`, "2"}, {`XElement.Parse("<a><b>1</b></a>").Element("b").Value`, "1"}, {`XElement.Parse("<a><b/></a>").Element("c")?.Value ?? "d"`, "d"}, {`(int)XElement.Parse("<a x='4'/>").Attribute("x")`, "4"}, {`XDocument.Parse("<a>")`, "!System.Xml.XmlException"}, {`new XElement("a", new XAttribute("x", 1), "t").ToString()`, `<a x="1">t</a>`},
	{`"eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4iLCJhdWQiOlsiYSIsImIiXSwiZXhwIjo0fQ.".AsJwt().Claims["aud"].Length`, "2"}, {`"eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ.".AsJwt().Subject`, "ann"}, {`"x".AsJwt() == null`, "True"},
	// types and the rest
	{`typeof(string).Name`, "String"}, {`nameof(context.Api)`, "Api"}, {`default(int)`, "0"}, {`new { a = 1 }.a`, "1"}, {`new { context.Api.Id }.Id`, "api1"}, {`(object)1 == null`, "False"}, {`"x".GetType().FullName`, "System.String"}, {`new StringBuilder().Append("a").Append(1).ToString()`, "a1"},
	{`System.Convert.ToInt32("5")`, "5"}, {`((Func<int, int>)(x => x + 1))(2)`, "3"}, {`(JTokenType)1`, "Object"}, {`StringComparison.Ordinal`, "Ordinal"}, {`(int)StringComparison.Ordinal`, "4"}, {`throw new Exception("no")`, "!System.Exception"}, {`"a" ?? throw new Exception("no")`, "a"},
}

// blocks are statement blocks and the text of their value.
var blocks = [][2]string{
	{`var a = 1; a += 2; return a;`, "3"}, {`int a, b = 2; a = b; return a + b;`, "4"}, {`const int k = 5; return k * 2;`, "10"}, {`if (1 > 2) { return "a"; } else if (true) return "b"; else return "c";`, "b"},
	{`int s = 0; for (int i = 0; i < 5; i++) { if (i == 3) continue; s += i; } return s;`, "7"}, {`int i = 0; while (true) { if (++i > 3) break; } return i;`, "4"}, {`int i = 0; do { i++; } while (i < 3); return i;`, "3"},
	{`var s = ""; foreach (var x in new[] { "a", "b" }) { s += x; } return s;`, "ab"}, {`var s = ""; foreach (var p in JObject.Parse("{\"a\":1,\"b\":2}")) { s += p.Key + p.Value; } return s;`, "a1b2"}, {`foreach (JObject o in JArray.Parse("[{\"a\":1}]")) { return (int)o["a"]; } return 0;`, "1"},
	{`switch (context.Request.Method) { case "GET": case "HEAD": return 1; default: return 2; }`, "1"}, {`object o = 5; switch (o) { case string s: return s; case int n when n > 3: return n; default: return 0; }`, "5"}, {`int r = 0; switch (2) { case 2: r = 9; break; } return r;`, "9"},
	{`try { return int.Parse("x"); } catch (FormatException ex) { return ex.Message; }`, "Input string was not in a correct format."}, {`try { throw new ArgumentException("bad"); } catch (InvalidOperationException) { return 1; } catch (Exception e) { return e.Message; }`, "bad"},
	{`int n = 0; try { n = 1; } finally { n += 10; } return n;`, "11"}, {`try { try { throw new Exception("a"); } catch { throw; } } catch (Exception e) { return e.Message; }`, "a"}, {`try { throw new Exception("x"); } catch (Exception e) when (e.Message == "y") { return 1; } catch { return 2; }`, "2"},
	{`using (var h = SHA256.Create()) { return h.ComputeHash(new byte[0]).Length; }`, "32"}, {`int F(int n) { return n < 2 ? 1 : n * F(n - 1); } return F(5);`, "120"}, {`int Twice(int n) => n * 2; return Twice(4);`, "8"}, {`int n = 1; void Add(int k) { n += k; } Add(4); return n;`, "5"},
	{`int c = 0; Func<int, int> f = x => x + c; c = 10; return f(1);`, "11"}, {`var fs = new List<Func<int>>(); foreach (var i in new[] { 1, 2 }) { fs.Add(() => i); } return fs[0]() + fs[1]();`, "3"}, {`int x; if (int.TryParse("12", out x)) return x; return -1;`, "12"}, {`return int.TryParse("5", out var v) ? v : 0;`, "5"},
	{`var l = new List<string>(); l.Add("a"); l.AddRange(new[] { "b" }); l.Remove("a"); return l[0] + l.Count;`, "b1"}, {`var d = new Dictionary<string, int>(); d["a"] = 1; d["a"]++; return d["a"];`, "2"}, {`var o = new JObject(); o["a"] = 1; o["b"] = new JArray("x"); o.Remove("a"); return o.ToString(Formatting.None);`, `{"b":["x"]}`},
	{`var o = JObject.Parse("{\"a\":{\"b\":1}}"); o["a"]["b"] = "z"; o.Property("a").Remove(); return o.Count;`, "0"}, {`var b = new byte[2]; b[0] = 255; b[0]++; return b[0];`, "0"}, {`int i = 5; return i++ + ++i;`, "12"}, {`string s = null; s = s ?? "d"; return s;`, "d"}, {`var a = context.Request.Body.As<JObject>(true); a["user"] = 1; return context.Request.Body.As<JObject>(true)["user"]["name"];`, "Ann"},
	{`string[] p = { "x", "y" }; return p.Length;`, "2"}, {`var q = new { A = 1, B = "z" }; return q.B + q.A;`, "z1"}, {`int a = 1; { int b = 2; a += b; } return a;`, "3"}, {`for (int i = 0, j = 10; i < j; i++, j--) { if (i == 3) return j; } return 0;`, "7"}, {`var x = 1; x <<= 3; x |= 1; x ^= 3; return x;`, "10"},
	{`context.Request.Body.As<string>(); return context.Request.Body.As<string>();`, "!System.InvalidOperationException"}, {`while (true) { }`, "!Gatehouse.LimitExceeded"}, {`int F(int n) { return F(n + 1); } return F(0);`, "!Gatehouse.LimitExceeded"}, {`try { while (true) { } } catch (Exception) { return 1; }`, "!Gatehouse.LimitExceeded"}, {`try { while (true) { } } finally { }`, "!Gatehouse.LimitExceeded"},
	{`var s = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"; while (true) { s += s; }`, "!Gatehouse.LimitExceeded"}, {`return new string('x', 999999999);`, "!Gatehouse.LimitExceeded"}, {`return Enumerable.Range(0, 2000000000).Count();`, "!Gatehouse.LimitExceeded"}, {`return new int[2000000000].Length;`, "!Gatehouse.LimitExceeded"},
	{`return;`, "?"}, {`var l = new List<int> { 1, 2 }; foreach (var i in l) { l.Add(i); } return 1;`, "!System.InvalidOperationException"},
}

func evaluate(t *testing.T, text string, block bool, want string) {
	t.Helper()
	p, cerr := Compile(text, block, String, Strict)
	if want == "?" {
		if cerr == nil {
			t.Errorf("%s: compiled", text)
		}
		return
	}
	if cerr != nil {
		t.Errorf("%s: offset %d: %v", text, cerr.Offset, cerr)
		return
	}
	got, err := p.String(testContext())
	if name, ok := strings.CutPrefix(want, "!"); ok {
		e, ok := err.(*RuntimeError)
		if !ok || e.Exception != name {
			t.Errorf("%s: got %q and error %v, want %s", text, got, err, name)
		}
		return
	}
	if err != nil || got != want {
		t.Errorf("%s: got %q, want %q (%v)", text, got, want, err)
	}
}

func TestValues(t *testing.T) {
	for _, v := range values {
		evaluate(t, v[0], false, v[1])
	}
}

func TestBlocks(t *testing.T) {
	for _, v := range blocks {
		evaluate(t, v[0], true, v[1])
	}
}

func TestWantedTypes(t *testing.T) {
	c := testContext()
	if v, err := mustCompile(t, `context.Variables["b"]`, false, Bool).Bool(c); !v || err != nil {
		t.Error(v, err)
	}
	if v, err := mustCompile(t, `context.Variables["n"]`, false, Int).Int(c); v != 7 || err != nil {
		t.Error(v, err)
	}
	if v, err := mustCompile(t, `1 + 1`, false, Double).Double(c); v != 2 || err != nil {
		t.Error(v, err)
	}
	if v, err := mustCompile(t, `context.Variables["n"]`, false, Any).Any(c); v != int32(7) || err != nil {
		t.Error(v, err)
	}
	if v, err := mustCompile(t, `new[] { 1 }.Where(x => x > 0)`, false, Any).Any(c); err != nil || len(v.(*Array).items) != 1 {
		t.Error(v, err)
	}
	if _, err := mustCompile(t, `context.Variables["s"]`, false, Bool).Bool(c); err == nil {
		t.Error("a text became a truth value")
	}
}
