//! Processes that never outlive their guard and never block a test.

use anyhow::{Context as _, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use std::io::{Read, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// A running program; killed when the value is dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    output: Arc<Output>,
}

/// What a program left behind.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// Both of its streams, as they came in.
    pub output: String,
}

impl Finished {
    /// The output of a program that ended well.
    ///
    /// # Errors
    /// When it did not; the message carries the output.
    pub fn success(self) -> Result<String> {
        if !self.status.success() {
            bail!("{}: {}", self.status, self.output);
        }
        Ok(self.output)
    }
}

/// Bytes of both streams, and a bell that rings for new ones.
#[derive(Debug, Default)]
struct Output {
    bytes: Mutex<Collected>,
    bell: Condvar,
}

#[derive(Debug, Default)]
struct Collected {
    bytes: Vec<u8>,
    open_streams: usize,
}

impl Process {
    /// Starts the program with its three streams in our hands.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &mut Command) -> Result<Self> {
        let name = command.get_program().to_string_lossy().rsplit('/').next().unwrap_or_default().to_owned();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("{command:?}"))?;
        let output = Arc::new(Output::default());
        let streams: [Option<Box<dyn Read + Send>>; 2] = [
            child.stdout.take().map(|stream| Box::new(stream) as _),
            child.stderr.take().map(|stream| Box::new(stream) as _),
        ];
        output.lock().open_streams = streams.iter().flatten().count();
        for stream in streams.into_iter().flatten() {
            let output = Arc::clone(&output);
            thread::spawn(move || output.collect(stream));
        }
        Ok(Self { name, child, output })
    }

    /// Process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything that both streams have brought so far.
    #[must_use]
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&self.output.lock().bytes).into_owned()
    }

    /// Waits until the output contains `needle`; gives the output up to then.
    ///
    /// # Errors
    /// When the time is over, or both streams are closed, and it does not.
    pub fn wait_for(&self, needle: &str, patience: Duration) -> Result<String> {
        let end = Instant::now() + patience;
        let mut collected = self.output.lock();
        loop {
            let text = String::from_utf8_lossy(&collected.bytes);
            if text.contains(needle) {
                return Ok(text.into_owned());
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || collected.open_streams == 0 {
                bail!("{} did not say {needle:?} within {patience:?}, but: {text}", self.name);
            }
            collected = self.output.bell.wait_timeout(collected, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Writes to the program's standard input.
    ///
    /// # Errors
    /// When it no longer reads.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        let name = &self.name;
        let stdin = self.child.stdin.as_mut().with_context(|| format!("{name}: input already closed"))?;
        stdin.write_all(bytes).and_then(|()| stdin.flush()).with_context(|| format!("writing to {name}"))
    }

    /// How much of what was sent the program has not read yet.
    ///
    /// # Errors
    /// When its input is closed.
    pub fn unread_input(&self) -> Result<u64> {
        let stdin = self.child.stdin.as_ref().with_context(|| format!("{}: input already closed", self.name))?;
        Ok(rustix::io::ioctl_fionread(stdin)?)
    }

    /// Ends the program's standard input.
    pub fn close_input(&mut self) {
        self.child.stdin = None;
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill_process(self.pid()?, signal).with_context(|| format!("signal to {}", self.name))
    }

    fn pid(&self) -> Result<Pid> {
        let raw = i32::try_from(self.child.id()).context("a process id is positive")?;
        Pid::from_raw(raw).context("a process id is not zero")
    }

    /// Whether it still runs.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn running(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Waits for the end of the program.
    ///
    /// # Errors
    /// When it still runs after `patience`.
    pub fn wait(&mut self, patience: Duration) -> Result<Finished> {
        if self.child.try_wait()?.is_none() {
            let handle = pidfd_open(self.pid()?, PidfdFlags::empty())?;
            let limit = Timespec::try_from(patience).context("a wait of centuries")?;
            if poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&limit))? == 0 {
                bail!("{} still runs after {patience:?}; output: {}", self.name, self.output());
            }
        }
        let status = self.child.wait()?;
        // A grandchild may hold the streams open, so this wait has an end too.
        let end = Instant::now() + Duration::from_secs(1);
        let mut collected = self.output.lock();
        while collected.open_streams > 0 && Instant::now() < end {
            let left = end.saturating_duration_since(Instant::now());
            collected = self.output.bell.wait_timeout(collected, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let output = String::from_utf8_lossy(&collected.bytes).into_owned();
        Ok(Finished { status, output })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when the process is already gone and waited for.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Output {
    fn lock(&self) -> std::sync::MutexGuard<'_, Collected> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn collect(&self, mut stream: impl Read) {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            self.lock().bytes.extend_from_slice(&buffer[..count]);
            self.bell.notify_all();
        }
        self.lock().open_streams -= 1;
        self.bell.notify_all();
    }
}

/// Runs a program to its end with `input` on its standard input, which is then closed.
///
/// # Errors
/// When it cannot be started or still runs after `patience`.
pub fn run(command: &mut Command, input: &[u8], patience: Duration) -> Result<Finished> {
    let mut process = Process::start(command)?;
    // A program that ends without reading is judged by how it ended, not by the broken pipe.
    drop(process.send(input));
    process.close_input();
    process.wait(patience)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait::PATIENCE;

    #[test]
    fn output_status_and_input_arrive() {
        let finished =
            run(Command::new("sh").args(["-c", "cat; echo err >&2; exit 3"]), b"in\n", PATIENCE).expect("runs");
        assert_eq!(finished.status.code(), Some(3));
        assert!(finished.output.contains("in\n") && finished.output.contains("err\n"), "{}", finished.output);
        assert!(finished.success().is_err());
    }

    #[test]
    fn a_program_that_does_not_end_is_reported_and_killed() {
        let mut process = Process::start(Command::new("sleep").arg("1000")).expect("starts");
        let id = process.id();
        process.wait(Duration::from_millis(50)).expect_err("it sleeps");
        drop(process);
        assert!(!std::path::Path::new(&format!("/proc/{id}")).exists(), "it outlived its guard");
    }

    #[test]
    fn waiting_for_a_line_ends_when_the_program_does() {
        let process = Process::start(Command::new("echo").arg("one thing")).expect("starts");
        process.wait_for("one thing", PATIENCE).expect("it says so");
        let error = process.wait_for("another", PATIENCE).expect_err("it does not");
        assert!(error.to_string().contains("one thing"), "{error}");
    }
}
