//! The Lambda function: which operation it is, is its `Handler`.

use defender_functions::{
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
    let function = match prepare().await {
        Ok(function) => function,
        Err(error) => {
            tracing::error!(code = error.code().name(), "{error}");
            client::report_init_error(&error).await;
            std::process::exit(1);
        }
    };
    // Invocations that run at once share it until the process ends.
    let function: &'static Function = Box::leak(Box::new(function));
    let handler = service_fn(move |event: LambdaEvent<_>| trigger::handle(function, event));
    // One at a time, unless AWS_LAMBDA_MAX_CONCURRENCY says otherwise, as it does on Lambda Managed Instances.
    Runtime::new(handler).run_concurrent().await
}

async fn prepare() -> Result<Function> {
    let name = std::env::var("_HANDLER").unwrap_or_default();
    let entry = operations::find(&name).ok_or_else(|| {
        let names: Vec<_> = operations::OPERATIONS
            .iter()
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
