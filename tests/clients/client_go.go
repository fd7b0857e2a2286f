// Go's net/http. README.md says what it reads and writes.
package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// What a reader is known to be decides whether the client knows its length.
type unsized struct{ io.Reader }

func ask(client *http.Client, url string, fields []string) (string, error) {
	var body io.Reader
	if fields[2] != "-" {
		data, err := os.ReadFile(fields[2])
		must(err)
		body = bytes.NewReader(data)
		if strings.Contains(fields[3], "chunked") {
			body = unsized{body}
		}
	}
	request, err := http.NewRequest(fields[0], url+fields[1], body)
	must(err)
	for _, field := range fields[4:] {
		name, value, _ := strings.Cut(field, ": ")
		request.Header.Set(name, value)
	}
	answer, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		return "", err
	}
	version := "1.1"
	if answer.ProtoMajor == 2 {
		version = "2"
	}
	return fmt.Sprintf("%d\t%s\t%s", answer.StatusCode, version, base64.StdEncoding.EncodeToString(content)), nil
}

func main() {
	url, ca, version := os.Args[2], os.Args[3], os.Args[4]
	pem, err := os.ReadFile(ca)
	must(err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ExpectContinueTimeout: time.Minute}
	if version == "2" {
		transport.ForceAttemptHTTP2 = true
	} else {
		transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	client := &http.Client{Transport: transport}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		said, err := ask(client, url, strings.Split(lines.Text(), "\t"))
		if err != nil {
			said = "failed\t" + strings.Join(strings.Fields(err.Error()), " ")
		}
		fmt.Println(said)
	}
	must(lines.Err())
}
