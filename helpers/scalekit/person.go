package scalekit

import (
	"context"
	"time"
)

// DeletePerson deletes the user of an address, wherever it came from, and the
// organization that a sign-up made silently for them. An organization that has
// a name, or existed before since, is somebody else's and stays. It is no error
// where there is no such user.
func (c *Client) DeletePerson(ctx context.Context, email string, since time.Time) error {
	user, err := c.FindUser(ctx, email)
	if err != nil || user == nil {
		return err
	}
	if err := c.DeleteUser(ctx, user.ID); err != nil {
		return err
	}
	for _, membership := range user.Memberships {
		organization, err := c.GetOrganization(ctx, membership.OrganizationID)
		switch {
		case IsNotFound(err):
		case err != nil:
			return err
		case organization.DisplayName == "" && organization.CreateTime.After(since):
			if err := c.DeleteOrganizationIfEmpty(ctx, organization.ID); err != nil {
				return err
			}
		}
	}
	return nil
}
