package e2e

import (
	"fmt"
	"net/http"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/pace"
)

// preflightBudget bounds the shared preflight: a deployment that needs longer
// to answer its first request is not there.
const preflightBudget = 30 * time.Second

// preflight finds out whether a run makes sense: the production guard, the
// deployment's two halves, the credentials and the browser. Its error blocks
// every item, in one sentence, which names the values that cannot be right.
func (r *run) preflight() error {
	if err := r.cfg.Guard(); err != nil {
		return err
	}
	if r.unread != nil {
		return r.unread // or a whole run would learn at its end what nobody had declared
	}
	ctx, cancel := pace.Budget(r.ctx, preflightBudget)
	defer cancel()
	if _, err := r.world.API.Discovery(ctx); err != nil {
		return r.cfg.Doubted(fmt.Errorf("the auth environment cannot be used: %w", err))
	}
	if _, err := r.world.API.Token(ctx); err != nil {
		return r.cfg.Doubted(fmt.Errorf("SCALEKIT_CLIENT_ID and SCALEKIT_CLIENT_SECRET are refused: %w", err))
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.cfg.App("/"), nil)
	if err != nil {
		return err
	}
	response, err := r.client.Do(request)
	if err != nil {
		return r.cfg.Doubted(fmt.Errorf("the application does not answer at APP_URL: %w", err))
	}
	_ = response.Body.Close()
	if how := pace.TurnedAway(response.StatusCode, response.Header); how != "" {
		return fmt.Errorf("the application turns the suite away (%s): %s", how, pace.LetIn)
	}
	if err := r.cfg.Moved(response); err != nil {
		return err
	}
	_, err = r.window()
	return err
}
