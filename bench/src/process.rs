//! A contestant's process: its start, its end, and what the kernel tells of it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

/// A process that runs until this is dropped.
pub struct Process {
    child: Child,
    /// When it was started.
    pub since: Instant,
    log: PathBuf,
}

impl Process {
    /// Starts a program with these variables and `PATH`, and no others. What it prints goes to a file.
    pub fn start(
        program: &Path,
        args: &[OsString],
        variables: &[(String, OsString)],
        log: PathBuf,
    ) -> io::Result<Self> {
        let output = File::create(&log)?;
        let mut command = Command::new(program);
        command
            .args(args)
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let since = Instant::now();
        let child = command.spawn().map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", program.display()))
        })?;
        Ok(Self { child, since, log })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok().flatten()?;
        Some(format!("the process ended ({status})"))
    }

    /// The CPU time that all its threads have used, in user and kernel mode.
    pub fn cpu(&self) -> io::Result<Duration> {
        let id = i32::try_from(self.id()).map_err(io::Error::other)?;
        let clock = clock_getcpuclockid(Pid::from_raw(id))?;
        Ok(clock_gettime(clock)?.into())
    }

    /// The most memory that it has had resident, in bytes.
    pub fn peak_memory(&self) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
        kib.map(|kib| kib * 1024)
            .ok_or_else(|| io::Error::other("/proc tells of no VmHWM"))
    }

    /// The end of what it printed.
    pub fn last_words(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let from = text.len().saturating_sub(1_500);
        String::from_utf8_lossy(&text[from..]).trim().to_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
