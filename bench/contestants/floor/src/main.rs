//! The floor: the least that the functions' job can take, to measure others by. **It is no client to use.** One thread and blocking
//! calls, HTTP/1.1 as text, bytes passed on unread, no retry, no deadline, no check of what it is given, the first failure the end.
//! It trusts only what `SSL_CERT_FILE` names, speaks TLS 1.3 only, and repeats a request whose answer did not come. It connects to the
//! API after it has the token, so that its cold start takes six network flights where four would do.

mod aws;
mod connection;
mod function;
mod json;
mod runtime_api;
mod token;

use std::error::Error;

#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> Result<(), Box<dyn Error>> {
    let mut function = function::Function::from_environment()?;
    let mut runtime_api = runtime_api::RuntimeApi::connect()?;
    loop {
        let event = runtime_api.next()?;
        function.answer(&event, &mut runtime_api)?;
    }
}

/// A variable that must be there.
fn variable(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|_| format!("{name} is not set"))
}
