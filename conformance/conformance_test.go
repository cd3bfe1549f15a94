// Package conformance is the official suite with one thing more: -only runs some of its tests.
package conformance

import (
	"flag"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/gateway-api/conformance"
	"sigs.k8s.io/gateway-api/conformance/tests"
	"sigs.k8s.io/gateway-api/conformance/utils/suite"
)

var only = flag.String("only", "", "names of tests to run, with commas between them; the others are left out")

func TestConformance(t *testing.T) {
	if *only != "" {
		tests.ConformanceTests = chosen(t, strings.Split(*only, ","))
	}
	conformance.RunConformance(t)
}

func chosen(t *testing.T, names []string) []suite.ConformanceTest {
	var found []suite.ConformanceTest
	for _, test := range tests.ConformanceTests {
		if slices.Contains(names, test.ShortName) {
			found = append(found, test)
		}
	}
	if len(found) != len(names) {
		t.Fatalf("of %q the suite knows only %d", names, len(found))
	}
	return found
}
