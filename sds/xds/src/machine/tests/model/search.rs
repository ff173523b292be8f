//! Breadth first over all states, with the way back to the first for a counterexample.

use super::world::{Step, World};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::{Hash, Hasher};

/// How much was seen.
#[derive(Debug)]
pub(super) struct Explored {
    pub(super) states: usize,
    pub(super) steps: usize,
    /// States in which nothing happens by itself any more.
    pub(super) quiet: usize,
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} states by {} steps, {} at rest", self.states, self.steps, self.quiet)
    }
}

/// What is wrong, and how to get there.
pub(super) struct Counterexample {
    pub(super) fault: String,
    trace: Vec<Step>,
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, by", self.fault)?;
        self.trace.iter().try_for_each(|step| writeln!(f, "  {step:?}"))
    }
}

impl fmt::Debug for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Folds each word in by a multiplication to 128 bits: much faster than the standard hasher in a debug build, where most
/// of a search is hashing.
struct Fingerprint(u64);

impl Fingerprint {
    #[expect(clippy::cast_possible_truncation, reason = "the halves of the product")]
    fn fold(&mut self, word: u64) {
        let product = u128::from(self.0.rotate_left(23) ^ word ^ 0x9e37_79b9_7f4a_7c15) * 0xd6e8_feb8_6659_fd93;
        self.0 = (product as u64) ^ ((product >> 64) as u64);
    }
}

impl Hasher for Fingerprint {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.fold(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, word: u8) {
        self.fold(u64::from(word));
    }

    fn write_u64(&mut self, word: u64) {
        self.fold(word);
    }

    fn write_usize(&mut self, word: usize) {
        self.fold(word as u64);
    }

    fn write_isize(&mut self, word: isize) {
        self.fold(word.cast_unsigned() as u64);
    }
}

/// The states seen so far. Of each only its fingerprint is kept: that two of some hundred thousand share one of 64 bits
/// is less likely than a fault of the machine this runs on.
#[derive(Default)]
struct Seen {
    numbers: HashMap<u64, u32>,
    /// For each state the one before and the step from there; none for the first.
    origins: Vec<Option<(u32, Step)>>,
}

impl Seen {
    /// The number of a state, and whether it is new.
    fn number(&mut self, world: &World, origin: Option<(u32, Step)>) -> (u32, bool) {
        let mut fingerprint = Fingerprint(0);
        world.hash(&mut fingerprint);
        match self.numbers.entry(fingerprint.finish()) {
            Entry::Occupied(known) => (*known.get(), false),
            Entry::Vacant(vacant) => {
                let number = u32::try_from(self.origins.len()).expect("fewer states than that");
                self.origins.push(origin);
                (*vacant.insert(number), true)
            }
        }
    }

    fn counterexample(&self, fault: String, mut at: u32, last: Option<Step>) -> Counterexample {
        let mut trace: Vec<Step> = last.into_iter().collect();
        while let Some((before, step)) = &self.origins[at as usize] {
            trace.push(step.clone());
            at = *before;
        }
        trace.reverse();
        Counterexample { fault, trace }
    }
}

/// Explores everything that can be reached.
pub(super) fn explore(first: World) -> Result<Explored, Counterexample> {
    let mut seen = Seen::default();
    let mut frontier = VecDeque::new();
    let mut moves: Vec<(u32, u32)> = Vec::new();
    let (mut steps, mut quiet) = (0, 0);
    seen.number(&first, None);
    frontier.push_back((0, first));
    while let Some((number, world)) = frontier.pop_front() {
        let by_itself = world.moves();
        if by_itself.is_empty() {
            quiet += 1;
            world.check_at_rest().map_err(|fault| seen.counterexample(fault, number, None))?;
        }
        let faults = world.faults().into_iter().map(|step| (step, false));
        for (step, is_move) in by_itself.into_iter().map(|step| (step, true)).chain(faults) {
            steps += 1;
            let mut next = world.clone();
            if let Err(fault) = next.take(&step) {
                return Err(seen.counterexample(fault, number, Some(step)));
            }
            let (next_number, new) = seen.number(&next, Some((number, step)));
            if is_move {
                moves.push((number, next_number));
            }
            if new {
                frontier.push_back((next_number, next));
            }
        }
    }
    let states = seen.origins.len();
    match circle(states, &moves) {
        Some(at) => Err(seen.counterexample("moves go round in a circle".to_owned(), at, None)),
        None => Ok(Explored { states, steps, quiet }),
    }
}

/// A state that moves lead back to, if there is one: what is left when states without a move into them are taken away,
/// again and again.
fn circle(states: usize, moves: &[(u32, u32)]) -> Option<u32> {
    let mut into = vec![0_u32; states];
    let mut from = vec![Vec::new(); states];
    for &(before, after) in moves {
        into[after as usize] += 1;
        from[before as usize].push(after);
    }
    let mut free: Vec<usize> = (0..states).filter(|state| into[*state] == 0).collect();
    while let Some(state) = free.pop() {
        for &after in &from[state] {
            into[after as usize] -= 1;
            if into[after as usize] == 0 {
                free.push(after as usize);
            }
        }
    }
    into.iter().position(|moves| *moves > 0).map(|state| u32::try_from(state).expect("a state's number"))
}
