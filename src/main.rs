//! The Lambda function: which operation it is, or that it is the tools of agents, is its `Handler`.

use defender_functions::{
    agent::{self, CALL_TOOL, Tools},
    client,
    config::Config,
    error::{Code, Error, Result},
    function::Function,
    operations, telemetry, trigger,
};
use lambda_runtime::{LambdaEvent, Runtime, service_fn};

// In its place, musl's own maps and unmaps memory several times an invocation: a warm list takes half as long again.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

// An invocation waits for Microsoft most of its time, so that one thread serves many; more would only cost start-up time and memory.
#[tokio::main(flavor = "current_thread")]
async fn main() -> std::result::Result<(), lambda_runtime::Error> {
    telemetry::init();
    let name = std::env::var("_HANDLER").unwrap_or_default();
    // Invocations that run at once share what it becomes until the process ends.
    if name == CALL_TOOL.name {
        let tools: &'static Tools = Box::leak(Box::new(or_exit(&name, tools().await).await));
        return agent::serve(tools).await;
    }
    let function: &'static Function =
        Box::leak(Box::new(or_exit(&name, function(&name).await).await));
    let handler = service_fn(move |event: LambdaEvent<_>| trigger::handle(function, event));
    // One at a time, unless AWS_LAMBDA_MAX_CONCURRENCY says otherwise, as it does on Lambda Managed Instances.
    Runtime::new(handler).run_concurrent().await
}

/// What is ready to serve; else the process ends, once Lambda has been told why.
async fn or_exit<T>(name: &str, prepared: Result<T>) -> T {
    match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            tracing::error!(
                operation = name,
                outcome = "error",
                code = error.code().name(),
                "{error}"
            );
            client::report_init_error(&error).await;
            std::process::exit(1)
        }
    }
}

async fn tools() -> Result<Tools> {
    Tools::start(Config::from_env()?).await
}

async fn function(name: &str) -> Result<Function> {
    let entry = operations::find(name).ok_or_else(|| {
        let names: Vec<_> = operations::OPERATIONS
            .iter()
            .chain([&CALL_TOOL])
            .map(|entry| entry.name)
            .collect();
        let detail = format!(
            "_HANDLER is {name:?}; the function's Handler takes one of {}.",
            names.join(", ")
        );
        Error::new(Code::Misconfigured, detail)
    })?;
    let function = Function::new(entry, Config::from_env()?)?;
    function.start().await?;
    Ok(function)
}
