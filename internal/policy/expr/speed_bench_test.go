package expr

import (
	"strings"
	"testing"
)

// BenchmarkExpression is the cost of typical expressions; the page
// docs/reference/speed.md is made of it. Each text is its own name.
func BenchmarkExpression(b *testing.B) {
	for _, text := range []string{
		`context.Api.Id`,
		`(string)context.Variables["s"]`,
		`context.Variables.GetValueOrDefault<string>("s", "d")`,
		`context.Request.Method == "GET"`,
		`context.Request.Headers.GetValueOrDefault("X-A","") == "b" && context.Request.Method == "GET"`,
		`context.Response.StatusCode == 429 || context.Response.StatusCode >= 500`,
		`context.Request.Url.Path.Split('/')[1]`,
		`$"{context.Subscription.Id}-{context.Api.Id}"`,
		`context.Request.Headers.GetValueOrDefault("Authorization","").AsBasic()?.UserId`,
		`Convert.ToBase64String(Encoding.UTF8.GetBytes("user:password"))`,
		`DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ")`,
		`Regex.IsMatch("abc-123", @"^[a-z]+-\d+$")`,
		`Regex.IsMatch("Password1", @"^(?=.*\d).{8,}$")`,
		`(string)context.Request.Body.As<JObject>(preserveContent: true)["user"]["name"]`,
		`new JObject(new JProperty("a", 1), new JProperty("b", "x")).ToString(Formatting.None)`,
		`Convert.ToBase64String(new HMACSHA256(Encoding.UTF8.GetBytes("k")).ComputeHash(Encoding.UTF8.GetBytes("data")))`,
		`new[] { 3, 1, 2 }.OrderBy(x => x).Select(x => x * 2).Sum()`,
		`XElement.Parse("<a><b>1</b></a>").Element("b").Value`,
	} {
		b.Run(strings.ReplaceAll(text, " ", "_"), func(b *testing.B) {
			c := testContext()
			p := mustCompile(b, text, false, Any)
			b.ReportAllocs()
			for b.Loop() {
				c.Budget.Bytes = DefaultBudgetBytes
				if _, err := p.Any(c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
