//! The Lambda function: which operation it is, is its `Handler`.

use defender_functions::{
    client,
    config::Config,
    error::{Code, Error, Result},
    function::Function,
    operations, telemetry, trigger,
};
use lambda_runtime::{LambdaEvent, Runtime, service_fn};

// One invocation at a time: more threads would only cost start-up time and memory.
#[tokio::main(flavor = "current_thread")]
async fn main() -> std::result::Result<(), lambda_runtime::Error> {
    telemetry::init();
    let function = match prepare() {
        Ok(function) => function,
        Err(error) => {
            tracing::error!(code = error.code().name(), "{error}");
            client::report_init_error(&error).await;
            std::process::exit(1);
        }
    };
    let function = &function;
    let handler = service_fn(move |event: LambdaEvent<_>| trigger::handle(function, event));
    Runtime::new(handler).run().await
}

fn prepare() -> Result<Function> {
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
    Function::new(entry, Config::from_env()?)
}
