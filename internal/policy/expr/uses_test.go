package expr

import (
	"fmt"
	"strings"
	"testing"
)

func TestUses(t *testing.T) {
	for _, one := range []struct{ text, want string }{
		{`context.Request.Headers.GetValueOrDefault("X-A", "d")`, `Request.Headers.GetValueOrDefault(X-A)`},
		{`context.Request.Body.As<JObject>(preserveContent: true)["a"]`, `Request.Body.As<JObject>(a) preserved`},
		{`context.Request.Body?.As<string>(true) ?? ""`, `Request.Body.As<string> preserved`},
		{`context.Request.Body.As<string>().Length + context.Api.Id.Length`, `Request.Body.As.Length<string>; Api.Id.Length`},
		{`"context.Request" + 1`, ``},
		{`((IResponse)context.Variables["r"]).Body.As<JObject>()`, `Variables(r)`},
		{`new { a = context.RequestId }`, `RequestId`},
		{`context.Variables.ContainsKey("x") ? context.User?.Email : "-"`, `Variables.ContainsKey(x); User.Email`},
	} {
		uses, err := Uses(one.text, false)
		if err != nil {
			t.Fatalf("%s: %v", one.text, err)
		}
		var got []string
		for _, u := range uses {
			text := u.Path
			if len(u.Types) > 0 {
				text += "<" + strings.Join(u.Types, ",") + ">"
			}
			if u.Key != "" {
				text += fmt.Sprintf("(%s)", u.Key)
			}
			if u.Preserve {
				text += " preserved"
			}
			got = append(got, text)
		}
		if strings.Join(got, "; ") != one.want {
			t.Errorf("%s: got %q, want %q", one.text, strings.Join(got, "; "), one.want)
		}
	}
}
