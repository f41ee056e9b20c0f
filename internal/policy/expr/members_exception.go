package expr

import "strings"

// exceptionNames are the exceptions that expressions may name: with their base.
var exceptionNames = [][2]string{
	{"System.SystemException", "Exception"}, {"System.ArgumentException", "SystemException"}, {"System.ArgumentNullException", "ArgumentException"},
	{"System.ArgumentOutOfRangeException", "ArgumentException"}, {"System.ArithmeticException", "SystemException"},
	{"System.DivideByZeroException", "ArithmeticException"}, {"System.OverflowException", "ArithmeticException"},
	{"System.FormatException", "SystemException"}, {"System.UriFormatException", "FormatException"}, {"System.IndexOutOfRangeException", "SystemException"},
	{"System.InvalidCastException", "SystemException"}, {"System.InvalidOperationException", "SystemException"},
	{"System.NotSupportedException", "SystemException"}, {"System.NotImplementedException", "SystemException"},
	{"System.NullReferenceException", "SystemException"}, {"System.ArrayTypeMismatchException", "SystemException"}, {"System.TimeoutException", "SystemException"},
	{"System.TimeZoneNotFoundException", "Exception"}, {"System.UnauthorizedAccessException", "SystemException"}, {"System.ApplicationException", "Exception"},
	{"System.Collections.Generic.KeyNotFoundException", "SystemException"}, {"System.Security.Cryptography.CryptographicException", "SystemException"},
	{"System.Security.Cryptography.CryptographicUnexpectedOperationException", "CryptographicException"}, {"System.Xml.XmlException", "SystemException"}, {"Newtonsoft.Json.JsonException", "Exception"}, {"Newtonsoft.Json.JsonReaderException", "JsonException"},
	{"Newtonsoft.Json.JsonSerializationException", "JsonException"}, {"System.Text.RegularExpressions.RegexMatchTimeoutException", "TimeoutException"},
}

func exceptionTypes() []typeRow {
	out := []typeRow{{decl: "class System.Exception", rows: append(exceptionNew("System.Exception"), []row{
		{sig: "string Message", get: func(v any) string { return v.(*exception).Message }},
		{sig: "string StackTrace", get: func(any) string { return "" }}, {sig: "string Source", get: func(any) string { return "" }},
		{sig: "string HelpLink", get: func(any) (string, bool) { return "", false }}, {sig: "int HResult", get: func(any) int64 { return -2146233088 }},
		{sig: "Exception InnerException", get: func(_ *frame, a []any) any { return pointer(a[0].(*exception).Inner) }},
		{sig: "Exception GetBaseException()", get: func(_ *frame, a []any) any {
			e := a[0].(*exception)
			for e.Inner != nil {
				e = e.Inner
			}
			return e
		}},
	}...)}}
	for _, n := range exceptionNames {
		one := typeRow{decl: "class " + n[0] + " : " + n[1], rows: exceptionNew(n[0])}
		if n[0] == "System.ArgumentException" {
			one.rows = append(one.rows, row{sig: "string ParamName", get: parameterName})
		}
		out = append(out, one)
	}
	return out
}

// parameterName reads the parameter that the message names, as all of .NET's do.
func parameterName(v any) (string, bool) {
	message := v.(*exception).Message
	at := strings.LastIndex(message, " (Parameter '")
	if at < 0 || !strings.HasSuffix(message, "')") {
		return "", false
	}
	return message[at+len(" (Parameter '") : len(message)-2], true
}

// namesParameter are the exceptions whose only argument is a parameter, with
// the message that they have then.
var namesParameter = map[string]string{"System.ArgumentNullException": "Value cannot be null.",
	"System.ArgumentOutOfRangeException": "Specified argument was out of the range of valid values."}

func exceptionNew(name string) []row {
	create := func(_ *frame, a []any) any {
		e := &exception{Type: name, Message: "Exception of type '" + name + "' was thrown.", pos: -1}
		about, named := namesParameter[name]
		first, second := "", ""
		if len(a) > 0 {
			first = text(a, 0)
			e.Message = first
		}
		if len(a) > 1 {
			second, _ = a[1].(string)
			e.Inner, _ = a[1].(*exception)
		}
		switch {
		case named && len(a) == 0:
			e.Message = about
		case named && len(a) == 1:
			e.Message = about + " (Parameter '" + first + "')"
		case named && second != "":
			e.Message = second + " (Parameter '" + first + "')"
		case second != "":
			e.Message += " (Parameter '" + second + "')"
		}
		return e
	}
	return []row{{sig: "new()", get: create}, {sig: "new(string? message)", get: create}, {sig: "new(string? message, Exception? inner)", get: create},
		{sig: "new(string? message, string? name)", get: create}}
}
