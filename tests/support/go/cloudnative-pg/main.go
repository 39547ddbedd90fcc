// Prints what CloudNativePG's own exporter makes of a file of custom queries, once.
//
// Usage: cloudnative-pg QUERIES DATABASE; PGHOST is the socket's folder, PGPORT the server's port.
package main

import (
	"fmt"
	"os"

	"github.com/cloudnative-pg/cloudnative-pg/pkg/management/postgres"
	"github.com/cloudnative-pg/cloudnative-pg/pkg/management/postgres/metrics"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
)

// The exporter around it describes nothing either: a label has no description to give.
type undescribed struct{ *metrics.QueriesCollector }

func (undescribed) Describe(chan<- *prometheus.Desc) {}

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(path, database string) error {
	queries, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	// "cnpg" is the prefix that CloudNativePG gives to every metric.
	collector := metrics.NewQueriesCollector("cnpg", postgres.NewInstance(), database)
	if err := collector.ParseQueries(queries); err != nil {
		return err
	}
	if err := collector.Update(); err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	if err := registry.Register(undescribed{collector}); err != nil {
		return err
	}
	families, err := registry.Gather()
	if err != nil {
		return err
	}
	encoder := expfmt.NewEncoder(os.Stdout, expfmt.NewFormat(expfmt.TypeTextPlain))
	for _, family := range families {
		if err := encoder.Encode(family); err != nil {
			return err
		}
	}
	return nil
}
