package apiops

import (
	"slices"
	"strings"

	"gatehouse/internal/apim"
)

// toolReference is where a tool names its operation; it is looked up when all
// APIs are known.
type toolReference struct {
	at   apim.Position
	tool *apim.MCPTool
	text string
}

// mcp reads an MCP server: its tools, or the remote server that is passed
// through.
func (l *loader) mcp(a *apim.API, folder string, n *node) {
	m := &apim.MCPServer{Backend: lastSegment(l.str(n, "backendId")), Endpoint: l.str(n, "mcpProperties", "endpoints", "mcp", "uriTemplate"),
		SSE: fold(l.str(n, "mcpProperties", "transportType")) == "sse"}
	for _, t := range l.list(n, "mcpTools") {
		l.mcpTool(m, t, l.str(t, "name"))
	}
	for _, name := range l.files.children(folder + "tools/") {
		for _, file := range []string{"toolInformation.json", "apiToolInformation.json"} {
			if t, ok := l.info("tools", a.ID+"/"+name, folder+"tools/"+name+"/"+file); ok {
				l.mcpTool(m, t, name)
			}
		}
	}
	a.MCP = m
	if remote := m.Backend != "" || a.ServiceURL != ""; len(m.Tools) == 0 && !remote {
		l.warn("apis/"+a.ID, "is an MCP server with neither tools (mcpTools) nor a remote server (backendId or serviceUrl)")
	} else if len(m.Tools) > 0 && remote {
		l.warn("apis/"+a.ID, "has tools and a remote MCP server: the remote one is not asked")
	}
}

func (l *loader) mcpTool(m *apim.MCPServer, n *node, name string) {
	ref := n.get("operationId")
	t := &apim.MCPTool{Name: name, Title: l.str(n, "displayName"), Description: l.str(n, "description")}
	if t.Name == "" || slices.ContainsFunc(m.Tools, func(o *apim.MCPTool) bool { return o.Name == t.Name }) {
		l.fail(n.at, "each tool needs a name of its own")
		return
	}
	_, path, found := strings.Cut("/"+strings.Trim(ref.text, "/"), "/apis/")
	t.API, t.Operation, _ = strings.Cut(path, "/operations/")
	if !found || t.API == "" || t.Operation == "" {
		l.fail(ref.at, "the operationId of the tool %q must have the form /apis/NAME/operations/NAME", clip(name))
		return
	}
	m.Tools = append(m.Tools, t)
	l.tools = append(l.tools, toolReference{ref.at, t, ref.text})
}

// checkTools finds the operations of tools.
func (l *loader) checkTools() {
	for _, r := range l.tools {
		id, revision, revised := strings.Cut(r.tool.API, ";rev=")
		i := slices.IndexFunc(l.service.APIs, func(a *apim.API) bool {
			return strings.EqualFold(a.ID, id) && (a.IsCurrent && !revised || revised && a.Revision == revision)
		})
		if i < 0 {
			l.fail(r.at, "the tool %q refers to the API %q, which does not exist", clip(r.tool.Name), clip(r.tool.API))
			continue
		}
		a := l.service.APIs[i]
		o := slices.IndexFunc(a.Operations, func(op *apim.Operation) bool { return strings.EqualFold(op.ID, r.tool.Operation) })
		switch {
		case a.Type != apim.TypeHTTP:
			l.fail(r.at, "the tool %q refers to the API %q of the type %s; tools are made of operations of HTTP APIs", clip(r.tool.Name), a.ID, a.Type)
		case o < 0:
			l.fail(r.at, "the tool %q refers to the operation %q, which the API %q does not have%s", clip(r.tool.Name), clip(r.tool.Operation), a.ID, l.operationsOf(a))
		default:
			r.tool.Operation = a.Operations[o].ID
			r.tool.API = a.ID
			if revised {
				r.tool.API += ";rev=" + a.Revision
			}
		}
	}
}
