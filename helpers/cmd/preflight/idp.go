package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/auth-preflight/auth-preflight/helpers/config"
	"github.com/auth-preflight/auth-preflight/helpers/idp"
)

// The files of the suite's own identity provider, in its folder.
const (
	idpKeyFile      = "key.pem"
	idpCertFile     = "certificate.pem"
	idpMetadataFile = "metadata.xml"
)

// newIdentityProvider makes the key and certificate with which the suite speaks
// as an identity provider, and the SAML metadata to be registered at a
// connection, in a folder that must not exist yet: a key that is registered
// somewhere must not be lost. It returns the variables that name them. The host
// in them exists nowhere (RFC 2606): the suite's own browser answers for it.
func newIdentityProvider(folder string) ([]entry, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(folder, 0o700); errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%s exists already: its key may be registered at a connection, so it is kept; name another folder", folder)
	} else if err != nil {
		return nil, fmt.Errorf("the identity provider's folder cannot be made: %w", err)
	}
	keyPEM, certPEM, err := idp.NewKey()
	if err != nil {
		return nil, err
	}
	key, err := idp.ParseKey(keyPEM)
	if err != nil {
		return nil, err
	}
	cert, err := idp.ParseCertificate(certPEM)
	if err != nil {
		return nil, err
	}
	// Entity IDs must differ, also where several suites test one environment.
	host := "https://idp-" + idp.Fingerprint(cert)[:8] + ".invalid"
	entityID, ssoURL := host+"/metadata", host+"/sso"
	for name, content := range map[string][]byte{
		idpKeyFile: keyPEM, idpCertFile: certPEM, idpMetadataFile: idp.New(key, cert, entityID, ssoURL).Metadata(),
	} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			return nil, fmt.Errorf("the identity provider's %s cannot be written: %w", name, err)
		}
	}
	comment := "Of the suite's own identity provider, made by preflight init."
	return []entry{
		{"PREFLIGHT_IDP_KEY_FILE", filepath.Join(folder, idpKeyFile), comment},
		{"PREFLIGHT_IDP_CERT_FILE", filepath.Join(folder, idpCertFile), comment},
		{"PREFLIGHT_IDP_ENTITY_ID", entityID, comment},
		{"PREFLIGHT_IDP_SSO_URL", ssoURL, comment},
	}, nil
}

// identityProvider adds the suite's own identity provider where a folder for it
// was named, and says what is left to a person.
func (i *introduction) identityProvider(cfg *config.Config) error {
	if i.idpFolder == "" {
		return nil
	}
	if cfg.IDPKeyFile != "" {
		return fmt.Errorf("PREFLIGHT_IDP_KEY_FILE is set already (%s): leave -idp out, or remove the variables that begin with PREFLIGHT_IDP_ first", cfg.IDPKeyFile)
	}
	made, err := newIdentityProvider(i.idpFolder)
	if err != nil {
		return err
	}
	i.entries = append(i.entries, made...)
	folder := filepath.Dir(made[0].value)
	i.say("\nThe suite's own identity provider is in %s; nobody else may have %s.", folder, idpKeyFile)
	i.say("  Left to you, in the Scalekit dashboard:")
	for n, step := range []string{
		"make a test organization with a domain that you own or made up, and a SAML connection in it (custom provider)",
		"give the connection " + filepath.Join(folder, idpMetadataFile) + ", or by hand: entity ID " + made[2].value + ", SSO URL " + made[3].value + " and " + idpCertFile,
		"write the IDs that it shows into PREFLIGHT_IDP_CONNECTION_ID and PREFLIGHT_IDP_ORGANIZATION_ID, the domain into PREFLIGHT_IDP_DOMAIN",
	} {
		i.say("  %d. %s", n+1, step)
	}
	return nil
}
