package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/pace"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// lookBudget bounds the asking for what is left: lists are read to their ends.
const lookBudget = 10 * time.Minute

// lookAgain asks the deployment for everything that was to go, and says what is
// there all the same; the rest is struck out of the ledgers. Then it looks for
// whatever else carries the id of one of the runs, which no ledger knows of. It
// returns how many things are there, or may be since nobody would say.
func (b *broom) lookAgain(left []leftover, stdout io.Writer) (still int, err error) {
	ctx, cancel := pace.Budget(context.Background(), lookBudget)
	defer cancel()
	seen := map[string]bool{}
	tell := func(what, more string) {
		if name := strings.ToLower(what); !seen[name] {
			seen[name] = true
			still++
			fmt.Fprintf(stdout, "still there   %s%s\n", what, more)
		}
	}
	runs := map[string]bool{}
	for _, one := range left {
		runs[one.run] = true
		w, why := b.way(one)
		if why != "" {
			continue
		}
		switch there, err := w.there(ctx); {
		case err != nil:
			tell(one.String(), ", or nobody knows: "+err.Error())
		case there:
			tell(one.String(), "")
		default:
			one.entry.Gone()
		}
	}
	for _, run := range slices.Sorted(maps.Keys(runs)) {
		names, err := b.carrying(ctx, run)
		if err != nil {
			return still, err
		}
		for _, name := range names {
			tell(name, " (run "+run+", whose ledger does not name it)")
		}
	}
	return still, nil
}

// carrying lists what the environment has that carries a run's id.
func (b *broom) carrying(ctx context.Context, run string) (found []string, err error) {
	users, err := b.api.SearchUsers(ctx, run)
	if err != nil {
		return nil, err
	}
	for _, u := range users {
		if carries(u.Email, run) {
			found = append(found, "user "+u.Email)
		}
	}
	organizations, err := b.api.ListOrganizations(ctx)
	if err != nil {
		return nil, err
	}
	for _, o := range organizations {
		if carries(o.ExternalID, run) {
			found = append(found, "organization "+o.ExternalID)
		}
	}
	roles, err := b.api.Roles(ctx, "")
	if err != nil && !scalekit.IsAbsent(err) {
		return nil, err
	}
	for _, r := range roles {
		if carries(strings.ReplaceAll(r.Name, "_", "-"), run) {
			found = append(found, "role "+r.Name)
		}
	}
	permissions, err := b.api.Permissions(ctx)
	if err != nil && !scalekit.IsAbsent(err) {
		return nil, err
	}
	for _, p := range permissions {
		if carries(strings.ReplaceAll(p.Name, "_", "-"), run) {
			found = append(found, "permission "+p.Name)
		}
	}
	err = b.eachMCPClient(ctx, func(_ string, client scalekit.MCPClient) error {
		if carries(client.Name, run) {
			found = append(found, "MCP client "+client.Name)
		}
		return nil
	})
	if err != nil && !scalekit.IsAbsent(err) {
		return nil, err
	}
	return found, nil
}
