package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/tjfoc/gmsm/gmtls"
	"github.com/tjfoc/gmsm/x509"
)

// tlcpFlags are the files of one side: its pair (none for a client without a certificate) and whom it trusts.
type tlcpFlags struct {
	sign, signKey, enc, encKey, ca *string
}

func tlcpFlagsOf(flags *flag.FlagSet) tlcpFlags {
	return tlcpFlags{
		sign:    flags.String("sign", "", "signature certificate, PEM"),
		signKey: flags.String("sign-key", "", "its key, PEM"),
		enc:     flags.String("enc", "", "encryption certificate, PEM"),
		encKey:  flags.String("enc-key", "", "its key, PEM"),
		ca:      flags.String("ca", "", "trusted roots, PEM"),
	}
}

func (files tlcpFlags) config() (*gmtls.Config, error) {
	// Left to itself gmtls also offers ECDHE-SM2-SM4-CBC-SM3, and panics when a server takes it.
	config := &gmtls.Config{
		GMSupport:    gmtls.NewGMSupport(),
		CipherSuites: []uint16{gmtls.GMTLS_SM2_WITH_SM4_SM3},
	}
	if *files.sign != "" {
		sign, err := gmtls.LoadX509KeyPair(*files.sign, *files.signKey)
		if err != nil {
			return nil, fmt.Errorf("signature certificate: %w", err)
		}
		config.Certificates = append(config.Certificates, sign)
	}
	if *files.enc != "" {
		enc, err := gmtls.LoadX509KeyPair(*files.enc, *files.encKey)
		if err != nil {
			return nil, fmt.Errorf("encryption certificate: %w", err)
		}
		config.Certificates = append(config.Certificates, enc)
	}
	if *files.ca != "" {
		pem, err := os.ReadFile(*files.ca)
		if err != nil {
			return nil, err
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, errors.New("no certificate in " + *files.ca)
		}
		config.RootCAs = pool
		config.ClientCAs = pool
	}
	return config, nil
}

// tlcpServer answers HTTP requests over TLCP; with -require-client only to clients with a certificate of -ca.
func tlcpServer(flags *flag.FlagSet, arguments []string) error {
	address := flags.String("listen", "127.0.0.1:0", "address")
	require := flags.Bool("require-client", false, "demand a client certificate")
	files := tlcpFlagsOf(flags)
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	config, err := files.config()
	if err != nil {
		return err
	}
	if *require {
		config.ClientAuth = gmtls.RequireAndVerifyClientCert
	}
	listener, err := listen(*address)
	if err != nil {
		return err
	}
	return http.Serve(gmtls.NewListener(listener, config), backend())
}

// tlcpClient fetches one page over TLCP.
func tlcpClient(flags *flag.FlagSet, arguments []string) error {
	address := flags.String("connect", "", "address")
	name := flags.String("name", "", "server name")
	path := flags.String("path", "/", "what to fetch")
	files := tlcpFlagsOf(flags)
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	config, err := files.config()
	if err != nil {
		return err
	}
	config.ServerName = *name
	if len(config.Certificates) == 2 {
		// A server looks for one certificate per entry, a client sends one entry: its pair goes in as a chain.
		pair := config.Certificates[0]
		pair.Certificate = append(pair.Certificate, config.Certificates[1].Certificate...)
		config.Certificates = []gmtls.Certificate{pair}
	}
	conn, err := gmtls.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, "tcp", *address, config)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return err
	}
	state := conn.ConnectionState()
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", *path, *name); err != nil {
		return err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	report(map[string]any{
		"suite":             fmt.Sprintf("%04x", state.CipherSuite),
		"peer_certificates": len(state.PeerCertificates),
		"status":            response.StatusCode,
		"bytes":             len(body),
		"body":              string(body[:min(len(body), 10000)]),
	})
	return nil
}
