package apiops

import (
	"slices"
	"strings"

	"gatehouse/internal/apim"
)

// maxMethods bounds the operations of one API.
const maxMethods = 10_000

// grpcOperations reads the methods of all .proto files in an API's folder; with
// none, one operation stands for all methods.
func (l *loader) grpcOperations(a *apim.API, folder string) {
	for _, name := range l.files.withExtension(folder, ".proto") {
		if data, _, ok := l.read(name); ok {
			a.Operations = addMethods(a.Operations, string(trimBOM(data)))
		}
	}
	for _, s := range a.Schemas {
		if strings.Contains(s.ContentType, "proto") {
			a.Operations = addMethods(a.Operations, string(s.Document))
		}
	}
	if len(a.Operations) == 0 {
		a.Operations = []*apim.Operation{{ID: "grpc", Name: "gRPC", Method: "POST", URLTemplate: "/*"}}
	}
}

// addMethods adds the methods of the services of a Protocol Buffers file. It
// reads no more of the language than it needs: a file with errors elsewhere is
// the business of those who compile it.
func addMethods(out []*apim.Operation, text string) []*apim.Operation {
	s := protoScanner{text: text}
	var pkg, service string
	depth, begin := 0, true // begin: a statement may begin here
	for token := s.next(); token != ""; token = s.next() {
		first := begin
		begin = token == ";" || token == "{" || token == "}"
		switch {
		case token == "{":
			depth++
		case token == "}":
			if depth--; depth <= 0 {
				depth, service = 0, ""
			}
		case first && depth == 0 && token == "package":
			pkg = s.next()
		case first && depth == 0 && token == "service":
			service = s.next()
			if pkg != "" {
				service = pkg + "." + service
			}
		case first && depth == 1 && token == "rpc" && service != "":
			out = addMethod(out, service, s.next())
		}
	}
	return out
}

func addMethod(out []*apim.Operation, service, method string) []*apim.Operation {
	op := &apim.Operation{ID: service + "." + method, Name: method, Method: "POST", URLTemplate: "/" + service + "/" + method}
	if len(out) >= maxMethods || !isProtoName(method) || slices.ContainsFunc(out, func(o *apim.Operation) bool { return o.ID == op.ID }) {
		return out
	}
	return append(out, op)
}

// protoScanner gives names, numbers and single signs; comments and string
// literals are passed over.
type protoScanner struct{ text string }

func (s *protoScanner) next() string {
	for s.text != "" {
		switch c := s.text[0]; {
		case strings.HasPrefix(s.text, "//"):
			s.skipBehind("\n")
		case strings.HasPrefix(s.text, "/*"):
			s.skipBehind("*/")
		case c == '"' || c == '\'':
			s.skipString(c)
		case c <= ' ':
			s.text = s.text[1:]
		default:
			length := 1
			for isProtoName(s.text[:1]) && length < len(s.text) && isProtoName(s.text[length:length+1]) {
				length++
			}
			token := s.text[:length]
			s.text = s.text[length:]
			return token
		}
	}
	return ""
}

func (s *protoScanner) skipBehind(end string) { _, s.text, _ = strings.Cut(s.text, end) }

func (s *protoScanner) skipString(quote byte) {
	for i := 1; i < len(s.text); i++ {
		switch s.text[i] {
		case '\\':
			i++
		case quote, '\n':
			s.text = s.text[i+1:]
			return
		}
	}
	s.text = ""
}

// isProtoName tells whether s holds only what names of types and packages do.
func isProtoName(s string) bool {
	for _, c := range []byte(s) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '.') {
			return false
		}
	}
	return s != ""
}
