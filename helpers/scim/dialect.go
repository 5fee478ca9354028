package scim

import "strconv"

// Person is somebody in a customer's identity provider.
type Person struct {
	UserName, Email       string
	GivenName, FamilyName string
	ExternalID            string // of the identity provider's own
}

// Operation is one operation of a PATCH (RFC 7644 §3.5.2).
type Operation map[string]any

// Patch is the body of a PATCH.
func Patch(operations ...Operation) map[string]any {
	return map[string]any{"schemas": []string{PatchSchema}, "Operations": operations}
}

// Equals is a filter that finds a text.
func Equals(attribute, value string) string { return attribute + " eq " + strconv.Quote(value) }

// Dialect is how one identity provider speaks. Both are right.
type Dialect interface {
	// Name is what people call the provider.
	Name() string
	// Create is the body that makes a person.
	Create(p Person) map[string]any
	// Rename gives a person other names.
	Rename(given, family string) map[string]any
	// Switch makes a person active or inactive.
	Switch(active bool) map[string]any
	// Tag sets the person's department.
	Tag(department string) map[string]any
	// Group is the body that makes a group.
	Group(name, externalID string, members ...string) map[string]any
	// Join and Leave change who is in a group.
	Join(members ...string) map[string]any
	Leave(member string) map[string]any
}

// Dialects are those that are known here.
func Dialects() []Dialect { return []Dialect{Okta{}, Entra{}} }

// Okta sends operations without a path, real booleans, and removes a member by
// a filter in the path.
type Okta struct{}

// Name is what people call the provider.
func (Okta) Name() string { return "Okta" }

// Create is the body that makes a person.
func (Okta) Create(p Person) map[string]any {
	return map[string]any{
		"schemas": []string{UserSchema}, "userName": p.UserName, "externalId": p.ExternalID,
		"name":        map[string]any{"givenName": p.GivenName, "familyName": p.FamilyName},
		"emails":      []any{map[string]any{"primary": true, "value": p.Email, "type": "work"}},
		"displayName": p.GivenName + " " + p.FamilyName, "locale": "en-US", "groups": []any{}, "active": true,
	}
}

// Rename gives a person other names.
func (Okta) Rename(given, family string) map[string]any {
	return Patch(Operation{"op": "replace", "value": map[string]any{
		"name": map[string]any{"givenName": given, "familyName": family}, "displayName": given + " " + family,
	}})
}

// Switch makes a person active or inactive.
func (Okta) Switch(active bool) map[string]any {
	return Patch(Operation{"op": "replace", "value": map[string]any{"active": active}})
}

// Tag sets the person's department.
func (Okta) Tag(department string) map[string]any {
	return Patch(Operation{"op": "replace", "value": map[string]any{EnterpriseSchema: map[string]any{"department": department}}})
}

// Group is the body that makes a group, with its members.
func (Okta) Group(name, _ string, members ...string) map[string]any {
	return map[string]any{"schemas": []string{GroupSchema}, "displayName": name, "members": values(members)}
}

// Join puts people into a group.
func (Okta) Join(members ...string) map[string]any {
	return Patch(Operation{"op": "add", "path": "members", "value": values(members)})
}

// Leave takes somebody out of a group.
func (Okta) Leave(member string) map[string]any {
	return Patch(Operation{"op": "remove", "path": "members[" + Equals("value", member) + "]"})
}

// Entra writes operations with capitals, booleans as texts, one path for each
// attribute, and removes a member by its value.
type Entra struct{}

// Name is what people call the provider.
func (Entra) Name() string { return "Entra" }

// Create is the body that makes a person.
func (Entra) Create(p Person) map[string]any {
	return map[string]any{
		"schemas": []string{UserSchema, EnterpriseSchema}, "externalId": p.ExternalID, "userName": p.UserName, "active": true,
		"emails": []any{map[string]any{"primary": true, "type": "work", "value": p.Email}},
		"meta":   map[string]any{"resourceType": "User"}, "roles": []any{},
		"name": map[string]any{"formatted": p.GivenName + " " + p.FamilyName, "familyName": p.FamilyName, "givenName": p.GivenName},
	}
}

// Rename gives a person other names.
func (Entra) Rename(given, family string) map[string]any {
	return Patch(
		Operation{"op": "Replace", "path": "name.givenName", "value": given},
		Operation{"op": "Replace", "path": "name.familyName", "value": family},
		Operation{"op": "Replace", "path": "name.formatted", "value": given + " " + family},
		Operation{"op": "Add", "path": "displayName", "value": given + " " + family},
	)
}

// Switch makes a person active or inactive.
func (Entra) Switch(active bool) map[string]any {
	word := "False"
	if active {
		word = "True"
	}
	return Patch(Operation{"op": "Replace", "path": "active", "value": word})
}

// Tag sets the person's department.
func (Entra) Tag(department string) map[string]any {
	return Patch(Operation{"op": "Add", "path": EnterpriseSchema + ":department", "value": department})
}

// Group is the body that makes a group; Entra adds the members afterwards.
func (Entra) Group(name, externalID string, _ ...string) map[string]any {
	return map[string]any{
		"schemas":    []string{GroupSchema, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"},
		"externalId": externalID, "displayName": name, "meta": map[string]any{"resourceType": "Group"},
	}
}

// Join puts people into a group.
func (Entra) Join(members ...string) map[string]any {
	return Patch(Operation{"op": "Add", "path": "members", "value": references(members)})
}

// Leave takes somebody out of a group.
func (Entra) Leave(member string) map[string]any {
	return Patch(Operation{"op": "Remove", "path": "members", "value": references([]string{member})})
}

func values(members []string) []any {
	list := []any{}
	for _, id := range members {
		list = append(list, map[string]any{"value": id})
	}
	return list
}

func references(members []string) []any {
	list := []any{}
	for _, id := range members {
		list = append(list, map[string]any{"$ref": nil, "value": id})
	}
	return list
}
