// A program with OpenTelemetry's SDK for Node: `node program.cjs ENDPOINT proto|http`.
"use strict";

const [endpoint, form] = process.argv.slice(2);
const { context, trace, SpanKind, SpanStatusCode } = require("@opentelemetry/api");
const { resourceFromAttributes } = require("@opentelemetry/resources");
const { BatchSpanProcessor, NodeTracerProvider } = require("@opentelemetry/sdk-trace-node");
const { OTLPTraceExporter } = require(`@opentelemetry/exporter-trace-otlp-${form}`);

const exporter = new OTLPTraceExporter({ url: `${endpoint}/v1/traces`, compression: "gzip" });
const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ "service.name": "weather", "process.pid": process.pid }),
  spanProcessors: [new BatchSpanProcessor(exporter)],
});
const tracer = provider.getTracer("forecast");

const root = tracer.startSpan("plan", { attributes: { city: "Oslo", days: 2, hot: false, rain: 0.5, tags: ["a", "b"] } });
const within = trace.setSpan(context.active(), root);
const call = tracer.startSpan("chat gpt-4o", {
  kind: SpanKind.CLIENT,
  attributes: {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 12,
    "gen_ai.usage.output_tokens": 3,
    "gen_ai.input.messages": JSON.stringify([{ role: "user", parts: [{ type: "text", content: "雨?" }] }]),
  },
}, within);
call.addEvent("retry", { attempt: 2 });
call.end();
const failed = tracer.startSpan("parse", {}, within);
failed.recordException(new RangeError("no"));
failed.setStatus({ code: SpanStatusCode.ERROR, message: "no" });
failed.end();
root.end();
console.log(root.spanContext().traceId);
provider.shutdown().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
