// Package record keeps what a request did, statement by statement: variables,
// headers and bodies before and after each of them.
//
// What comes in: calls of policy.Recorder while a request runs. What goes out: a
// Recording within fixed bounds, with secrets masked, and its form as Azure's
// request trace. It must never consume a stream, change a request, or hold a
// secret once a recording is done.
package record

import "time"

// Recording is what one request did. States are numbered: what a statement
// found and left is the number of a State, so that equal ones are kept once.
type Recording struct {
	ID           string    `json:"id"`
	Service      string    `json:"service,omitempty"`
	API          string    `json:"api,omitempty"`
	Operation    string    `json:"operation,omitempty"`
	Product      string    `json:"product,omitempty"`
	Subscription string    `json:"subscription,omitempty"`
	Method       string    `json:"method"`
	URL          string    `json:"url"` // as the client sent it
	ClientIP     string    `json:"clientIp"`
	Started      time.Time `json:"started"`
	Duration     int64     `json:"durationNs"` // until the response was known
	Steps        []Step    `json:"steps"`
	States       []State   `json:"states"`
	First        int       `json:"first"` // state before the first statement
	Last         int       `json:"last"`  // state of the response
	Failure      *Failure  `json:"failure,omitempty"`
	// Dropped counts statements beyond the bounds; Stateless those whose states
	// were not kept for want of room.
	Dropped   int `json:"dropped,omitempty"`
	Stateless int `json:"stateless,omitempty"`

	size int64
}

// NoState is the number of a state that was not kept.
const NoState = -1

// Step is one execution of a statement. Times are nanoseconds.
type Step struct {
	Name     string   `json:"name"`
	ID       string   `json:"policyId,omitempty"`
	Section  string   `json:"section"`
	Scope    string   `json:"scope"`
	File     string   `json:"file"`
	Line     int      `json:"line"`
	Column   int      `json:"column"`
	Fragment string   `json:"fragment,omitempty"`
	Parent   int      `json:"parent"` // step around it, -1: none
	Depth    int      `json:"depth"`
	Start    int64    `json:"startNs"` // since Started
	Duration int64    `json:"durationNs"`
	Outcome  string   `json:"outcome"` // ok, returned, error, running
	Failure  *Failure `json:"failure,omitempty"`
	Before   int      `json:"before"`
	After    int      `json:"after"`
	Calls    []Call   `json:"calls,omitempty"`
	Messages []Note   `json:"messages,omitempty"`
}

// State is what policies can see and change.
type State struct {
	Variables []Variable `json:"variables"`
	Target    string     `json:"target,omitempty"` // backend id or base URL
	Request   Message    `json:"request"`
	Response  *Message   `json:"response,omitempty"`
	LastError *Failure   `json:"lastError,omitempty"`
}

// Variable is a context variable with its .NET type.
type Variable struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Value string `json:"value"`
	Cut   bool   `json:"cut,omitempty"`
}

// Message is a request or a response.
type Message struct {
	Method  string   `json:"method,omitempty"`
	URL     string   `json:"url,omitempty"`
	Status  int      `json:"status,omitempty"`
	Reason  string   `json:"reason,omitempty"`
	Headers []Header `json:"headers"`
	Body    Body     `json:"body"`
}

// Header is one field line.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Body of a message. State is none, stream (not read, and not shown), text,
// binary, or consumed.
type Body struct {
	State string `json:"state"`
	Size  int64  `json:"size"` // -1: unknown
	Text  string `json:"text,omitempty"`
	Cut   bool   `json:"cut,omitempty"`
}

// Failure has the fields of context.LastError.
type Failure struct {
	Source  string `json:"source"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
	Scope   string `json:"scope,omitempty"`
	Section string `json:"section,omitempty"`
	Path    string `json:"path,omitempty"`
}

// Call is a request that a statement made.
type Call struct {
	Method   string `json:"method"`
	URL      string `json:"url"`
	Status   int    `json:"status,omitempty"`
	Attempt  int    `json:"attempt"`
	Duration int64  `json:"durationNs"`
	Outcome  string `json:"outcome"`
	Error    string `json:"error,omitempty"`
}

// Note is a message of a trace statement or of context.Trace.
type Note struct {
	Source   string `json:"source"`
	Severity string `json:"severity"`
	Message  string `json:"message"`
}
