package scalekit

import (
	"context"
	"time"
)

// DeletePerson deletes the user of an address, wherever it came from, and the
// organization that a sign-up made silently for them. An organization that has
// a name, or existed before since, is somebody else's and stays, and so does one
// in which somebody else is. It is no error where there is no such user.
//
// Whoever is alone in such an organization goes after it: it is known by its
// member only, and nobody would find it again who was interrupted in between.
func (c *Client) DeletePerson(ctx context.Context, email string, since time.Time) error {
	user, err := c.FindUser(ctx, email)
	if err != nil || user == nil {
		return err
	}
	var shared []string
	for _, membership := range user.Memberships {
		organization, err := c.GetOrganization(ctx, membership.OrganizationID)
		switch {
		case IsNotFound(err):
			continue
		case err != nil:
			return err
		case organization.DisplayName != "" || !organization.CreateTime.After(since):
			continue
		}
		members, err := c.Members(ctx, organization.ID)
		switch {
		case IsNotFound(err):
		case err != nil:
			return err
		case len(members) == 1 && members[0].ID == user.ID:
			if err := c.DeleteOrganization(ctx, organization.ID); err != nil {
				return err
			}
		default:
			shared = append(shared, organization.ID)
		}
	}
	if err := c.DeleteUser(ctx, user.ID); err != nil {
		return err
	}
	for _, id := range shared { // those in it may be leaving, too
		if err := c.DeleteOrganizationIfEmpty(ctx, id); err != nil {
			return err
		}
	}
	return nil
}
