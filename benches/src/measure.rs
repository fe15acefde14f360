//! Measuring: contenders take turns, and each figure is the median of many short batches, so that a machine that
//! slows down for a while slows all of them.

use std::time::{Duration, Instant};

/// Something to measure: a closure that does the work once.
pub struct Contender<'a> {
    work: Box<dyn FnMut() + 'a>,
}

impl<'a> Contender<'a> {
    /// `_name` is for who reads the list.
    pub fn new(_name: &'static str, work: impl FnMut() + 'a) -> Self {
        Contender { work: Box::new(work) }
    }
}

const ROUNDS: usize = 60;
const BATCH: Duration = Duration::from_millis(4);

/// Nanoseconds for one piece of work of each contender, in their order.
pub fn nanoseconds(contenders: &mut [Contender<'_>]) -> Vec<f64> {
    samples(contenders).into_iter().map(median).collect()
}

/// The same of the fastest batch of each: for code that only computes, what else the machine does can only add to it.
pub fn fastest(contenders: &mut [Contender<'_>]) -> Vec<f64> {
    samples(contenders).into_iter().map(|samples| samples.into_iter().fold(f64::INFINITY, f64::min)).collect()
}

fn samples(contenders: &mut [Contender<'_>]) -> Vec<Vec<f64>> {
    let sizes: Vec<u32> = contenders.iter_mut().map(|contender| batch_size(&mut contender.work)).collect();
    let mut samples = vec![Vec::with_capacity(ROUNDS); contenders.len()];
    for _ in 0..ROUNDS {
        for ((contender, &size), samples) in contenders.iter_mut().zip(&sizes).zip(&mut samples) {
            samples.push(batch(&mut contender.work, size).as_nanos() as f64 / f64::from(size));
        }
    }
    samples
}

fn batch(work: &mut dyn FnMut(), size: u32) -> Duration {
    let start = Instant::now();
    for _ in 0..size {
        work();
    }
    start.elapsed()
}

fn batch_size(work: &mut dyn FnMut()) -> u32 {
    let mut size = 1;
    while batch(work, size) < BATCH {
        size *= 2;
    }
    size
}

/// The one in the middle.
pub fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}
