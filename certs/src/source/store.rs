//! Judges what a source offers and publishes what passes.
//!
//! Whatever a source offers, the last good secret stays until a better one has passed every check. A candidate that
//! looks like one half of a rotation is given time, [`WatchOptions::settle`], for the other half to arrive; only then
//! is it refused, once for each change of what is wrong.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::candidate::{Candidate, Outlook, Refusal};
use super::{Source, WatchOptions, blocking};
use crate::clock::UnixTime;
use crate::material::{Generation, Published, REMEMBERED_REJECTIONS, Rejection, Secret, SecretState};

type Digest = [u8; 32];

/// Drives one source.
pub struct Store<S> {
    source: S,
    settle: Duration,
    state: watch::Sender<SecretState>,
    waiting: Option<Waiting>,
    /// What was judged last.
    judged: Option<Judged>,
}

/// What happens at the deadline unless something better arrives.
struct Waiting {
    until: Instant,
    look: Look,
    then: Outcome,
}

/// Before a half-renewed pair is taken for a whole one, a change that is being read at the deadline gets its chance.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    First,
    Last,
}

/// Time of the last look.
const LAST_LOOK: Duration = Duration::from_millis(500);

enum Outcome {
    Publish(Box<Secret>, String),
    Refuse(Refusal, Option<Digest>),
}

#[derive(PartialEq, Eq)]
struct Judged {
    /// `None` when the inputs could not be read.
    digest: Option<Digest>,
    verdict: Verdict,
}

#[derive(PartialEq, Eq)]
enum Verdict {
    Good,
    /// Why, as it was published.
    Refused(&'static str, String),
}

impl<S: Source> Store<S> {
    /// A store with nothing in it yet. Its state is published on the returned channel.
    pub fn new(source: S, options: WatchOptions) -> (watch::Receiver<SecretState>, Self) {
        let (state, receiver) = watch::channel(SecretState::new(Arc::from(source.name())));
        (receiver, Self { source, settle: options.settle, state, waiting: None, judged: None })
    }

    /// Runs until nobody listens any more.
    pub async fn run(mut self) {
        let listeners = self.state.clone();
        tokio::select! {
            () = listeners.closed() => {}
            () = self.drive() => {}
        }
    }

    async fn drive(&mut self) {
        loop {
            let offer = match &self.waiting {
                None => Ok(self.source.next().await),
                Some(waiting) => timeout_at(waiting.until, self.source.next()).await,
            };
            match offer {
                Ok(offer) => self.take(offer).await,
                Err(_elapsed) => self.settle(),
            }
        }
    }

    /// Nothing better came in time.
    fn settle(&mut self) {
        if let Some(waiting) = &mut self.waiting
            && matches!(waiting.then, Outcome::Publish(..))
            && waiting.look == Look::First
        {
            (waiting.look, waiting.until) = (Look::Last, Instant::now() + LAST_LOOK);
            return;
        }
        match self.waiting.take().map(|waiting| waiting.then) {
            Some(Outcome::Publish(secret, version)) => self.publish(*secret, version),
            Some(Outcome::Refuse(refusal, digest)) => self.refuse(refusal.rejection, digest),
            None => {}
        }
    }

    async fn take(&mut self, offer: Result<Candidate, Rejection>) {
        let candidate = match offer {
            Ok(candidate) => candidate,
            Err(rejection) => return self.doubt(Refusal::may_heal(rejection), None),
        };
        let digest = candidate.digest();
        if self.is_current(digest) {
            return self.recover();
        }
        let verdict = blocking(move || candidate.verdict(UnixTime::now())).await.unwrap_or_else(|_| {
            // Parsers are not supposed to panic; if one does, the candidate is bad and the process lives.
            let rejection = Rejection::new("judging_aborted", "checking the candidate was aborted");
            Err(Refusal::may_heal(rejection))
        });
        match verdict {
            Ok(secret) => self.accept(secret, digest),
            Err(refusal) => self.doubt(refusal, Some(digest)),
        }
    }

    /// Whether these bytes were judged good already and nothing in the verdict depends on the time.
    fn is_current(&self, digest: Digest) -> bool {
        let good = Judged { digest: Some(digest), verdict: Verdict::Good };
        let state = self.state.borrow();
        let stapled = state.current.as_ref().is_some_and(|published| has_staple(&published.secret));
        self.judged.as_ref() == Some(&good) && self.waiting.is_none() && !stapled
    }

    fn accept(&mut self, secret: Secret, digest: Digest) {
        let version = secret.version();
        let current = self.state.borrow().current.clone();
        self.judged = Some(Judged { digest: Some(digest), verdict: Verdict::Good });
        match current {
            Some(current) if current.version == version => self.recover(),
            Some(current) => match unchanged_half(&current.secret, &secret) {
                Some(half) => {
                    let text = format!("one half is new, waiting for the {half} certificate");
                    self.wait(text, Outcome::Publish(Box::new(secret), version));
                }
                None => self.publish(secret, version),
            },
            None => self.publish(secret, version),
        }
    }

    /// Waits if time may heal it, refuses otherwise. The first offer of all is judged at once: there is nothing to
    /// protect yet, and the operator wants to know.
    fn doubt(&mut self, refusal: Refusal, digest: Option<Digest>) {
        let first = self.judged.is_none();
        let known = Judged { digest, verdict: Verdict::refused(&refusal.rejection) };
        if self.judged.as_ref() == Some(&known) && self.waiting.is_none() {
            return;
        }
        if first || refusal.outlook == Outlook::Final {
            self.waiting = None;
            return self.refuse(refusal.rejection, digest);
        }
        self.wait(refusal.rejection.text.clone(), Outcome::Refuse(refusal, digest));
    }

    /// The deadline of a wait that goes on does not move: a source that never settles is reported all the same.
    fn wait(&mut self, text: String, then: Outcome) {
        let (until, look) = match &self.waiting {
            Some(waiting) => (waiting.until, waiting.look),
            None => (Instant::now() + self.settle, Look::First),
        };
        self.waiting = Some(Waiting { until, look, then });
        self.state.send_if_modified(|state| {
            let changed = state.waiting.as_ref() != Some(&text);
            state.waiting = Some(text);
            changed
        });
    }

    fn publish(&mut self, secret: Secret, version: String) {
        self.waiting = None;
        let published = Arc::new(Published { secret, generation: Generation::next(), at: SystemTime::now(), version });
        tracing::info!(
            secret = self.source.name(),
            generation = published.generation.0,
            version = published.version,
            "secret published"
        );
        self.state.send_modify(|state| {
            state.current = Some(published);
            state.updates += 1;
            state.last_error = None;
            state.waiting = None;
        });
    }

    fn refuse(&mut self, rejection: Rejection, digest: Option<Digest>) {
        let judged = Judged { digest, verdict: Verdict::refused(&rejection) };
        let known = self.judged.replace(judged) == self.judged;
        if known {
            self.state.send_if_modified(|state| state.waiting.take().is_some());
            return;
        }
        tracing::warn!(
            secret = self.source.name(),
            reason = rejection.reason,
            in_use = self.state.borrow().current.as_ref().map(|published| published.generation.0),
            "secret refused: {}",
            rejection.text
        );
        self.state.send_modify(|state| {
            let skip = (state.history.len() + 1).saturating_sub(REMEMBERED_REJECTIONS);
            state.history = state.history.iter().skip(skip).chain([&rejection]).cloned().collect();
            state.last_error = Some(rejection);
            state.rejections += 1;
            state.waiting = None;
        });
    }

    /// The source holds what is in use.
    fn recover(&mut self) {
        self.waiting = None;
        self.state.send_if_modified(|state| {
            let recovered = state.last_error.is_some();
            let changed = recovered || state.waiting.is_some();
            (state.last_error, state.waiting) = (None, None);
            if recovered {
                tracing::info!(secret = &*state.name, "source holds the secret in use again");
            }
            changed
        });
    }
}

impl Verdict {
    fn refused(rejection: &Rejection) -> Self {
        Self::Refused(rejection.reason, rejection.text.clone())
    }
}

/// The half of a pair that is still the old one, if exactly one is.
fn unchanged_half(current: &Secret, new: &Secret) -> Option<&'static str> {
    let (Secret::Pair(current), Secret::Pair(new)) = (current, new) else { return None };
    match (current.sign.leaf() == new.sign.leaf(), current.enc.leaf() == new.enc.leaf()) {
        (true, false) => Some("sign"),
        (false, true) => Some("enc"),
        _ => None,
    }
}

fn has_staple(secret: &Secret) -> bool {
    match secret {
        Secret::Credential(credential) => credential.ocsp.is_some(),
        Secret::Pair(pair) => pair.sign.ocsp.is_some() || pair.enc.ocsp.is_some(),
        Secret::Trust(_) | Secret::TicketKeys(_) => false,
    }
}
