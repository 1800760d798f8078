// Package telemetry makes what an operator looks at: the logger, the registry of metrics, the traces, and the admin endpoints.
//
// It holds no metric and no span of a particular service; those make their own. What happens to files is counted in its package pipeline.
package telemetry
