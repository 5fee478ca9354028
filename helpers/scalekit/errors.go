package scalekit

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Error is a refusal in Scalekit's shape (spec/api.md 3). It carries nothing
// of the request but method and address.
type Error struct {
	Method, URL string
	Status      int              // HTTP
	Code        int              // gRPC
	ErrorCode   string           // such as RESOURCE_NOT_FOUND; the OAuth error of a token endpoint
	Message     string           // the environment's own words
	Fields      []FieldViolation // what a validation error names
	Header      http.Header
}

// FieldViolation is one field that the environment did not take.
type FieldViolation struct {
	Field       string `json:"field"`
	Description string `json:"description"`
	Constraint  string `json:"constraint"`
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%s %s answered HTTP %d", e.Method, e.URL, e.Status)
	if e.ErrorCode != "" {
		text += " " + e.ErrorCode
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	for _, f := range e.Fields {
		text += fmt.Sprintf("; %s %s", f.Field, f.Description)
	}
	return text
}

// IsNotFound reports whether err says that the thing is not there.
func IsNotFound(err error) bool { return hasStatus(err, http.StatusNotFound) }

// IsConflict reports whether err says that the thing is there already.
func IsConflict(err error) bool { return hasStatus(err, http.StatusConflict) }

// IsRefusal reports whether err says that the environment understood the request
// and will not do it, rather than that it failed or that the suite may not ask.
func IsRefusal(err error) bool {
	return IsConflict(err) || hasStatus(err, http.StatusBadRequest) || hasStatus(err, http.StatusUnprocessableEntity)
}

// IsAbsent reports whether err says that the environment has no such request, or
// none for this client.
func IsAbsent(err error) bool {
	for _, status := range []int{http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented} {
		if hasStatus(err, status) {
			return true
		}
	}
	return false
}

// IsAnswer reports whether err is the environment's own answer, rather than that
// nobody answered.
func IsAnswer(err error) bool {
	var e *Error
	var syntax *json.SyntaxError
	return errors.As(err, &e) || errors.As(err, &syntax)
}

func hasStatus(err error, status int) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == status
}

func newError(method, address string, a answer) *Error {
	e := &Error{Method: method, URL: address, Status: a.status, Header: a.header}
	var body struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Details []struct {
			ErrorCode  string `json:"error_code"`
			Validation struct {
				Fields []FieldViolation `json:"field_violations"`
			} `json:"validation_error_info"`
		} `json:"details"`
		// A refusal of the token endpoint (RFC 6749, 5.2).
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(a.body, &body) != nil {
		e.Message = "not in Scalekit's error shape"
		return e
	}
	e.Code, e.Message, e.ErrorCode = body.Code, body.Message, body.Error
	if e.Message == "" {
		e.Message = body.Description
	}
	for _, d := range body.Details {
		if e.ErrorCode == "" {
			e.ErrorCode = d.ErrorCode
		}
		e.Fields = append(e.Fields, d.Validation.Fields...)
	}
	e.Message = strings.Join(strings.Fields(e.Message), " ")
	return e
}
