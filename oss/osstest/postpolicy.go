package osstest

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A postPolicy is the policy of a form.
//
// See https://help.aliyun.com/en/oss/developer-reference/postobject
type postPolicy struct {
	expires    time.Time
	conditions []postCondition
}

// A postCondition is a condition of a policy.
type postCondition struct {
	text     string // in the form of a list, for error messages
	mode     string // eq, starts-with, in, not-in or content-length-range
	field    string // in lower case; empty with content-length-range
	values   []string
	min, max int64 // of content-length-range
}

// parsePolicy parses the field policy.
//
// See https://help.aliyun.com/en/oss/user-guide/0006-00000204 to -223.
func parsePolicy(field string) (*postPolicy, error) {
	text, err := base64.StdEncoding.DecodeString(field)
	if err != nil {
		return nil, badPolicy("", "the policy is not base64 encoded.")
	}
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(unescapeDollars(text), &doc); err != nil || doc == nil {
		return nil, badPolicy("0006-00000204", "Invalid JSON: it is not an object.")
	}
	expiration, hasExpiration := doc["expiration"]
	list, hasConditions := doc["conditions"]
	switch {
	case !hasExpiration && !hasConditions:
		return nil, badPolicy("0006-00000209", "expiration and conditions are missing.")
	case !hasExpiration:
		return nil, badPolicy("0006-00000208", "expiration is missing.")
	case !hasConditions:
		return nil, badPolicy("0006-00000207", "conditions is missing.")
	}
	var moment string
	if err := json.Unmarshal(expiration, &moment); err != nil {
		return nil, badPolicy("0006-00000210", "expiration must be a string.")
	}
	if moment == "" {
		return nil, badPolicy("0006-00000211", "expiration is empty.")
	}
	p := new(postPolicy)
	if p.expires, err = time.Parse(time.RFC3339, moment); err != nil {
		return nil, badPolicy("0006-00000210", "expiration must be a time in the form of ISO 8601.")
	}
	var items []json.RawMessage
	if err := json.Unmarshal(list, &items); err != nil || items == nil {
		return nil, badPolicy("0006-00000214", "conditions must be a list.")
	}
	for _, item := range items {
		c, err := parseCondition(item)
		if err != nil {
			return nil, err
		}
		p.conditions = append(p.conditions, c)
	}
	return p, nil
}

// unescapeDollars replaces the escape \$ of a policy, which JSON does not have.
func unescapeDollars(text []byte) []byte {
	var plain []byte
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) {
			if i++; text[i] != '$' {
				plain = append(plain, '\\')
			}
		}
		plain = append(plain, text[i])
	}
	return plain
}

func badPolicy(ec, message string) *refusal {
	return refuse(http.StatusBadRequest, "InvalidPolicyDocument", ec, "Invalid Policy: "+message)
}

// parseCondition parses {"field": "value"} or a list that begins with the mode.
func parseCondition(item json.RawMessage) (c postCondition, err error) {
	var simple map[string]string
	if err := json.Unmarshal(item, &simple); err == nil && simple != nil {
		if len(simple) != 1 {
			return c,
				badPolicy("", "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.")
		}
		for field, value := range simple {
			c = postCondition{mode: "eq", field: strings.ToLower(field), values: []string{value}}
			c.text = listText("eq", "$"+field, value)
		}
		return c, nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(item, &list); err != nil || list == nil {
		return c, badPolicy("0006-00000222", "a condition must be an object or a list.")
	}
	if len(list) != 3 || json.Unmarshal(list[0], &c.mode) != nil {
		return c, badPolicy("0006-00000216", "a condition must have a matching mode, a field and a value.")
	}
	c.text = string(item)
	if c.mode == "content-length-range" {
		if json.Unmarshal(list[1], &c.min) != nil || json.Unmarshal(list[2], &c.max) != nil || c.min < 0 {
			return c, badPolicy("0006-00000221", "content-length-range must have two integers.")
		}
		if c.max < c.min {
			return c, badPolicy("0006-00000219", "content-length-range has a maximum below its minimum.")
		}
		return c, nil
	}
	var field, value string
	if json.Unmarshal(list[1], &field) != nil || !strings.HasPrefix(field, "$") {
		return c, badPolicy("", "the field of a condition must begin with a dollar sign.")
	}
	c.field = strings.ToLower(strings.TrimPrefix(field, "$"))
	switch c.mode {
	case "eq", "starts-with":
		err = json.Unmarshal(list[2], &value)
		c.values = []string{value}
	case "in", "not-in":
		err = json.Unmarshal(list[2], &c.values)
	default:
		return c, badPolicy("0006-00000216", "the matching mode "+c.mode+" is not known.")
	}
	if err != nil {
		return c, badPolicy("", "the value of a condition has the wrong type.")
	}
	return c, nil
}

func listText(items ...string) string {
	text, _ := json.Marshal(items) // strings can always be marshaled
	return string(text)
}

// matches reports whether c permits a value of its field. Sizes are checked by sizes.
func (c postCondition) matches(value string) bool {
	switch c.mode {
	case "eq":
		return value == c.values[0]
	case "starts-with":
		return strings.HasPrefix(value, c.values[0])
	case "in":
		return slices.Contains(c.values, value)
	case "not-in":
		return !slices.Contains(c.values, value)
	}
	return true
}

// check checks the fields of a form. The size of the file is not known yet.
func (p *postPolicy) check(x *exchange, f *postForm) error {
	if !x.opts.Now().Before(p.expires) {
		return accessDenied("0006-00000213", "Invalid according to Policy: Policy expired.")
	}
	for _, c := range p.conditions {
		value := f.fields[c.field]
		switch c.field {
		case "bucket":
			value = x.bucket
		case "content-type":
			value = f.contentType()
		}
		if !c.matches(value) {
			return accessDenied("", "Invalid according to Policy: Policy Condition failed: "+c.text)
		}
	}
	return nil
}

// hasCondition reports whether there is a condition on a field.
func (p *postPolicy) hasCondition(field string) bool {
	return slices.ContainsFunc(p.conditions, func(c postCondition) bool { return c.field == field })
}

// sizes returns the minimum and the maximum size of the file in bytes.
func (p *postPolicy) sizes(most int64) (least, limit int64) {
	for _, c := range p.conditions {
		if c.mode == "content-length-range" {
			least, most = max(least, c.min), min(most, c.max)
		}
	}
	return least, most
}
