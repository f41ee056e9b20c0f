package expr

import (
	"fmt"
	"strings"
	"testing"
)

// records is a JSON array of about n bytes in the style of an API's answer.
func records(n int) string {
	var b strings.Builder
	b.WriteByte('[')
	for i := 0; b.Len() < n; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"name":"item number %d","state":"active","price":%d.5,"tags":["red","green"]}`, i, i, i%100)
	}
	b.WriteByte(']')
	return b.String()
}

func bodyContext(body string) *Context {
	c := testContext()
	c.Request.Body = BytesBody([]byte(body))
	return c
}

// evaluateAll evaluates expressions one after the other in one request.
func evaluateAll(t *testing.T, c *Context, texts ...string) (last any) {
	t.Helper()
	for _, text := range texts {
		block := strings.Contains(text, "return ")
		v, err := mustCompile(t, text, block, Any).Any(c)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		last = v
	}
	return last
}

func TestLargeBodies(t *testing.T) {
	c := bodyContext(records(8<<20 - 200))
	for range 2 {
		if n := evaluateAll(t, c, `context.Request.Body.As<JArray>(true).Count`).(int32); n < 80_000 {
			t.Fatal(n)
		}
		evaluateAll(t, c, `(string)context.Request.Body.As<JArray>(true)[70000]["name"] + context.Request.Body.As<JToken>(true)[1]["id"]`,
			`context.Request.Body.As<string>(true).Length + context.Request.Body.As<string>(true).Length`)
	}
	t.Run("each reader may change its own", func(t *testing.T) {
		got := evaluateAll(t, c, `var a = context.Request.Body.As<JArray>(true); var b = context.Request.Body.As<JArray>(true);
			a[0]["name"] = "changed"; ((JObject)a[0]).Remove("tags"); a.RemoveAt(1);
			return a[0]["name"] + " " + b[0]["name"] + " " + (a.Count - b.Count) + " " + ((JObject)b[0]).Count + context.Request.Body.As<JArray>(true)[0]["name"];`)
		if got != "changed item number 0 -1 5item number 0" {
			t.Error(got)
		}
	})
	t.Run("in a variable", func(t *testing.T) {
		c.Variables.Set("body", evaluateAll(t, c, `context.Request.Body.As<JArray>()`))
		evaluateAll(t, c, `((JArray)context.Variables["body"]).Count`, `((JArray)context.Variables["body"]).First["id"]`)
	})
}

// TestLargeXML reads an XML body again and again.
func TestLargeXML(t *testing.T) {
	c := bodyContext("<r>" + strings.Repeat("<item><name>a name of some length</name><state>active</state></item>", 20_000) + "</r>")
	for range 5 {
		if n := evaluateAll(t, c, `context.Request.Body.As<XDocument>(true).Root.Elements("item").Count()`); n != int32(20_000) {
			t.Fatal(n)
		}
	}
	got := evaluateAll(t, c, `var a = context.Request.Body.As<XElement>(true); a.RemoveNodes(); return context.Request.Body.As<XElement>(true).Elements().Count() - a.Elements().Count();`)
	if got != int32(20_000) {
		t.Error(got)
	}
}

// TestGarbageIsGivenBack runs what makes far more than the budget and keeps little.
func TestGarbageIsGivenBack(t *testing.T) {
	const lines = `var lines = Enumerable.Range(0, 6000).Select(i => "line number " + i + " of a text that goes on and on for a while").ToList(); var s = ""; `
	for _, c := range []struct{ text, want string }{
		{lines + `foreach (var line in lines) { s += line; } return s.Length;`, "346890"},
		{lines + `foreach (var line in lines) { s = s + line + "\n"; } return s.Length;`, "352890"},
		{lines + `foreach (var line in lines) { s = $"{s}{line}\n"; } return s.Length;`, "352890"},
		{lines + `foreach (var line in lines.Where(l => l != "")) { s += line; } return s.Length;`, "346890"},
		{lines + `lines.ForEach(line => s += line); return s.Length;`, "346890"},
		{lines + `string Join() { var r = ""; foreach (var line in lines) { r += line; } return r; } return Join().Length + Join().Length;`, "693780"},
		{lines + `return lines.Aggregate("", (a, line) => a + line).Length;`, "346890"},
		{lines + `string a = "", b = ""; foreach (var line in lines) { a += line; b += line; s = a; } return (a == b) + "" + s.Length;`, "True346890"},
		{`var s = new string('x', 2000); var t = s; s += "a"; t += "b"; var u = s; u += "c"; s += "d"; return s.Substring(1999) + t.Substring(1999) + u.Substring(1999);`, "xadxbxac"},
		{`var s = new string('x', 100000); for (var i = 0; i < 400; i++) { s = s.Replace(i % 2 == 0 ? "x" : "y", i % 2 == 0 ? "y" : "x"); } return s.Length;`, "100000"},
		{`var o = new JArray(Enumerable.Range(0, 2000)).ToString(); var n = 0; for (var i = 0; i < 120; i++) { n += JArray.Parse(o).Count; } return n;`, "240000"},
		{`var n = 0; for (var i = 0; i < 100; i++) { try { var b = new byte[500000]; n += b.Length; throw new Exception("a"); } catch (Exception) { n++; } } return n;`, "50000100"},
	} {
		if got := ToString(evaluateAll(t, testContext(), c.text)); got != c.want {
			t.Errorf("%s: %s, want %s", c.text, got, c.want)
		}
	}
	c := testContext()
	for i := range 100 {
		c.Variables.Set("s", evaluateAll(t, c, `new string('x', 1000000)`))
		if i == 0 {
			c.Variables.Set("kept", evaluateAll(t, c, `new string('y', 3000000)`))
		}
	}
}

// TestMemoryIsBounded keeps more than the budget in the ways that there are.
func TestMemoryIsBounded(t *testing.T) {
	for _, text := range []string{
		`var l = new List<string>(); for (var i = 0; i < 1000; i++) { l.Add(new string('x', 100000)); } return l.Count;`,
		`var l = new List<string>(); for (var i = 0; i < 1000; i++) { try { l.Add(new string('x', 100000)); } catch { } finally { } } return l.Count;`,
		`return Enumerable.Range(0, 1000).Select(i => new string('x', 100000)).ToList().Count;`,
		`IEnumerable<string> q = new string[0]; for (var i = 0; i < 1000; i++) { q = q.Concat(new[] { new string('x', 100000 + i) }); } return q.Count();`,
		`var n = 0; foreach (var s in Enumerable.Range(0, 1000).Select(i => new string('x', 100000 + i)).Distinct()) { n++; } return n;`,
		`var l = new List<object>(); for (var i = 0; i < 20000; i++) { l.Add(context.Request.Body.As<JArray>(true).DeepClone()); } return l.Count;`,
		`var l = new List<object>(); for (var i = 0; i < 20000; i++) { l.Add(context.Request.Body.As<JArray>(true).Count()); l.Add(context.Request.Body.As<JArray>(true).ToList()); } return l.Count;`,
		`var a = context.Request.Body.As<JArray>(true); var o = new JArray(); for (var i = 0; i < 20000; i++) { o.Add(a[0]); o.Add(a); } return o.Count;`,
		`var a = context.Request.Body.As<JArray>(true); var l = new List<object>(); for (var i = 0; i < 20000; i++) { l.Add(JToken.FromObject(new { a, b = a })); } return l.Count;`,
		`var o = new JObject(); for (var i = 0; i < 30; i++) { o = new JObject(new JProperty("a", o), new JProperty("b", o)); } return 1;`,
		`var d = new Dictionary<string, object>(); for (var i = 0; i < 40; i++) { d = new Dictionary<string, object> { ["a"] = d, ["b"] = d }; } return JObject.FromObject(d).Count;`,
		`var x = new XElement("a"); for (var i = 0; i < 30; i++) { x = new XElement("a", x, x); } return 1;`,
		`var s = new string('x', 1000000); var f = new List<Func<int>>(); for (var i = 0; i < 1000; i++) { var t = s + i; f.Add(() => t.Length); } return f.Count;`,
		`var b = new StringBuilder(); for (var i = 0; i < 1000; i++) { b.Append(new string('x', 100000)); } return b.Length;`,
		`string F(int n) { var s = new string('x', 1000000); return n == 0 ? s : F(n - 1) + s; } return F(50).Length;`,
	} {
		c := bodyContext(records(20_000))
		_, err := mustCompile(t, text, true, Any).Any(c)
		if e, ok := err.(*RuntimeError); !ok || e.Exception != "Gatehouse.LimitExceeded" {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestBudgetOfErrors fills the budget with variables: on-error still runs.
func TestBudgetOfErrors(t *testing.T) {
	c := testContext()
	var err error
	for i := 0; err == nil; i++ {
		var v any
		v, err = mustCompile(t, `new string('x', 1000000)`, false, Any).Any(c)
		c.Variables.Set(fmt.Sprint("v", i), v)
		if i > 100 {
			t.Fatal("no bound")
		}
	}
	const text = `new string('y', 500000).Length`
	c.Budget.HandleError()
	for range 20 {
		evaluateAll(t, c, text)
	}
	c.Budget.HandleError()
	if _, err := mustCompile(t, `new string('y', 5000000).Length`, false, Any).Any(c); err == nil {
		t.Error("the reserve has no bound")
	}
}

func TestShareOfBudget(t *testing.T) {
	b := Budget{Bytes: 1000, held: 400, granted: 200}
	s := b.Share(4)
	if s.limit() != 400+800/4 || s.held != 400 {
		t.Error(s.limit(), s.held)
	}
	s.held += 150
	b.Rejoin(&s, 400)
	if b.held != 550 {
		t.Error(b.held)
	}
}

// TestSettle reads a copy of a body from two sides at a time.
func TestSettle(t *testing.T) {
	c := bodyContext(records(4_000))
	v := evaluateAll(t, c, `context.Request.Body.As<JArray>(true)`)
	Settle(v)
	done := make(chan string)
	for range 2 {
		go func() { done <- v.(*JToken).Items()[3].Get("name").String() }()
	}
	if a, b := <-done, <-done; a != b || a != "item number 3" {
		t.Error(a, b)
	}
}
