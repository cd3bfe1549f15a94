package cri

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	api "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func TestATableRowStandsForEveryTagOfItsName(t *testing.T) {
	table := filepath.Join(t.TempDir(), "images.json")
	rows := `{"example.com:5000/echo": {"entrypoint": ["any"]}, "example.com:5000/echo:2": {"entrypoint": ["two"]}}`
	if err := os.WriteFile(table, []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	known := &images{table: table}
	for reference, want := range map[string]string{
		"example.com:5000/echo":               "any",
		"example.com:5000/echo:1":             "any",
		"example.com:5000/echo:2":             "two",
		"example.com:5000/echo@sha256:abcdef": "any",
		"example.com/echo":                    "",
	} {
		image, err := known.find(reference)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if image != nil {
			got = image.Entrypoint[0]
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", reference, got, want)
		}
	}
}

func TestCommandAndArgumentsReplaceThoseOfTheImage(t *testing.T) {
	image := &Image{Entrypoint: []string{"entry"}, Arguments: []string{"default"}}
	for _, one := range []struct{ command, arguments, want []string }{
		{nil, nil, []string{"entry", "default"}},
		{nil, []string{"own"}, []string{"entry", "own"}},
		{[]string{"other"}, nil, []string{"other"}},
		{[]string{"other"}, []string{"own"}, []string{"other", "own"}},
	} {
		got := commandOf(&api.ContainerConfig{Command: one.command, Args: one.arguments}, image)
		if !slices.Equal(got, one.want) {
			t.Errorf("%v %v: got %v, want %v", one.command, one.arguments, got, one.want)
		}
	}
}

func TestAddedCapabilitiesOutliveDroppingAll(t *testing.T) {
	got := capabilitiesOf(&api.Capability{AddCapabilities: []string{"NET_ADMIN"}, DropCapabilities: []string{"ALL"}})
	if !slices.Equal(got, []string{"NET_ADMIN"}) {
		t.Errorf("got %v", got)
	}
	if got := capabilitiesOf(nil); !slices.Equal(got, usualCapabilities) {
		t.Errorf("without a wish: got %v", got)
	}
}

func TestAnAddressIsNotGivenAgainSoon(t *testing.T) {
	n := newNetwork(netip.MustParsePrefix("192.0.2.0/30"), netip.Addr{})
	first, _ := n.take()
	n.disconnect("", first)
	second, _ := n.take()
	third, _ := n.take()
	fourth, err := n.take()
	if first == second || err != nil || fourth != first {
		t.Errorf("got %v, %v, %v, %v (%v)", first, second, third, fourth, err)
	}
	if _, err := n.take(); err == nil {
		t.Error("more addresses than there are")
	}
}

func TestLogLinesAreWrittenWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "0.log")
	stream := &logStream{file: &logFile{path: path}, name: "stdout"}
	for _, piece := range []string{"one\ntw", "o\n", "three"} {
		if _, err := stream.Write([]byte(piece)); err != nil {
			t.Fatal(err)
		}
	}
	stream.flush()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(text)) {
		_, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		got = append(got, rest)
	}
	if want := []string{"stdout F one", "stdout F two", "stdout F three"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
