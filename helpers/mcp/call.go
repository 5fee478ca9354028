package mcp

import (
	"encoding/json"
	"strings"
)

// Call is a tool call as a variable describes it: scope, tool and arguments.
type Call struct {
	Scope, Tool string
	arguments   string
}

// ParseCall reads "scope tool arguments", such as
//
//	todo:write add_todo {"title":"{text}"}
func ParseCall(text string) Call {
	words := strings.SplitN(text, " ", 3)
	for len(words) < 3 {
		words = append(words, "")
	}
	return Call{words[0], words[1], words[2]}
}

// With returns the arguments, with text in the place of {text}.
func (c Call) With(text string) json.RawMessage {
	quoted, _ := json.Marshal(text) // a string
	return json.RawMessage(strings.ReplaceAll(c.arguments, "{text}", string(quoted[1:len(quoted)-1])))
}
