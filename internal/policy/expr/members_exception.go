package expr

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
		out = append(out, typeRow{decl: "class " + n[0] + " : " + n[1], rows: exceptionNew(n[0])})
	}
	return out
}

func exceptionNew(name string) []row {
	create := func(_ *frame, a []any) any {
		e := &exception{Type: name, Message: "Exception of type '" + name + "' was thrown.", pos: -1}
		if len(a) > 0 {
			e.Message = text(a, 0)
		}
		if len(a) > 1 {
			if s, ok := a[1].(string); ok {
				e.Message += " (Parameter '" + s + "')"
			}
			e.Inner, _ = a[1].(*exception)
		}
		return e
	}
	return []row{{sig: "new()", get: create}, {sig: "new(string? message)", get: create}, {sig: "new(string? message, Exception? inner)", get: create},
		{sig: "new(string? message, string? name)", get: create}}
}
