//! The attribute on implementations of traits.
//@ shape: `impl Trait for` blocks
//@ records: Circle::area = ok 1
//@ records: Circle::fmt = ok 1
//@ records: Circle::next = ok 2
//@ records: Circle::from = ok 1
//@ records: Circle::drop = ok 2
//@ records: pair::area = ok 1
//@ records: Circle::wait = ok 1
//@ fires: unused_variables clippy::should_implement_trait

use std::fmt;
use std::future::Future;

use monitor_core::monitored;
use shapes_driver::{block_on, send, yield_now};

trait Shape {
    type Size;
    const SIDES: u32;

    fn area(&self) -> Self::Size;

    fn perimeter(&self) -> u32 {
        Self::SIDES
    }
}

trait Waits {
    fn wait(&self, x: u8) -> impl Future<Output = u8> + Send;
}

/// Round.
#[derive(Debug)]
pub struct Circle(u32);

#[monitored]
impl Shape for Circle {
    type Size = u32;
    const SIDES: u32 = 1;

    fn area(&self) -> u32 {
        let unused = self.perimeter();
        self.0.pow(2)
    }
}

#[monitored(prefix = "pair")]
impl<T: Shape<Size = u32>> Shape for (T, T) {
    type Size = u32;
    const SIDES: u32 = 2;

    fn area(&self) -> Self::Size {
        self.0.area()
    }
}

#[monitored]
impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "O{}", self.0)
    }
}

#[monitored]
impl Iterator for Circle {
    type Item = u32;

    fn next(&mut self) -> Option<Self::Item> {
        self.0 = self.0.checked_sub(1)?;
        Some(self.0)
    }
}

#[monitored]
impl From<u32> for Circle {
    fn from(radius: u32) -> Self {
        let circle = Circle(radius);
        circle
    }
}

#[monitored]
impl Drop for Circle {
    fn drop(&mut self) {
        self.0 = 0;
    }
}

#[monitored]
impl Waits for Circle {
    async fn wait(&self, x: u8) -> u8 {
        yield_now().await;
        x
    }
}

/// Has a method named like one of a trait.
#[derive(Debug)]
pub struct Named;

#[monitored]
impl Named {
    /// Not that of `Iterator`.
    pub fn next(&mut self) -> Option<u8> {
        None
    }
}

/// Runs it.
pub fn run() -> String {
    let mut circle = Circle::from(1);
    let waited = block_on(send(circle.wait(3)));
    let seen = circle.to_string();
    let seen = format!("{} {:?} {:?}", seen, circle.next(), circle.next());
    format!("{} {} {}", waited, seen, (circle, Circle(2)).area())
}
