//! Synchronous functions: each compiles without a warning and does what it did before.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, clippy::all, clippy::pedantic, clippy::nursery)]
#![allow(clippy::missing_const_for_fn, clippy::unnecessary_wraps)]

use std::collections::HashMap;
use std::fmt::{Debug, Display};
use std::io;

use monitor_core::monitored;

type Answer<T> = Result<T, Refused>;

struct Refused;

#[monitored]
fn one_expression() -> u32 {
    1
}

#[monitored]
fn nothing() {}

#[monitored]
fn unit_written() -> () {}

#[monitored]
fn question_mark(text: &str) -> Result<i32, std::num::ParseIntError> {
    let number: i32 = text.parse()?;
    Ok(number + 1)
}

#[monitored]
fn io_alias() -> io::Result<String> {
    let text = String::from_utf8(vec![b'a']).map_err(|_| io::ErrorKind::InvalidData)?;
    Ok(text)
}

#[monitored]
fn early_return(refuse: bool) -> Answer<u8> {
    if refuse {
        return Err(Refused);
    }
    Ok(1)
}

#[monitored]
fn bail() -> anyhow::Result<()> {
    anyhow::bail!("no")
}

#[monitored]
fn option<'a>(map: &'a HashMap<String, String>, key: &str) -> Option<&'a str> {
    let value = map.get(key)?;
    Some(value)
}

#[monitored]
fn hidden(fail: bool) -> Result<impl ToString, Refused> {
    if fail {
        return Err(Refused);
    }
    Ok(1_u8)
}

#[monitored]
fn opaque(values: &[u8]) -> impl Iterator<Item = u8> + '_ {
    values.iter().map(|value| value + 1)
}

#[monitored]
fn closures() -> Vec<Box<dyn Fn(u32) -> u32>> {
    vec![Box::new(|x| x + 1), Box::new(|x| x * 2)]
}

#[monitored]
fn as_ref(path: impl AsRef<str>) -> usize {
    path.as_ref().len()
}

#[monitored]
fn generic<A, B>(a: A, b: &B) -> Result<String, B>
where
    A: Display,
    B: Clone + Debug,
{
    if a.to_string().is_empty() { Err(b.clone()) } else { Ok(format!("{a}{b:?}")) }
}

#[monitored]
fn array<const N: usize>(mut values: [u8; N]) -> [u8; N] {
    values.reverse();
    values
}

#[monitored]
fn longer<'a>(one: &'a str, two: &'a str) -> &'a str {
    if one.len() > two.len() { one } else { two }
}

struct Point {
    x: i32,
    y: i32,
}

#[monitored]
fn patterns((a, b): (i32, i32), Point { x, y }: Point, [first, ..]: [i32; 3], &c: &i32) -> i32 {
    a + b + x + y + first + c
}

#[monitored]
fn mutable(mut count: u32, list: &mut Vec<u32>) -> &mut Vec<u32> {
    count += 1;
    list.push(count);
    list
}

#[monitored]
fn unused(_: u8, _b: u8) {}

#[monitored]
fn coerced(number: bool) -> Box<dyn Display> {
    if number {
        return Box::new(1);
    }
    match std::env::args().count() {
        0 => Box::new("none"),
        count => Box::new(count),
    }
}

#[monitored]
fn moved(text: String) -> (String, usize) {
    let length = text.len();
    (text, length)
}

#[monitored]
fn labels(limit: u32) -> u32 {
    let found = 'outer: loop {
        for x in 0.. {
            if x == 7 {
                break 'outer x;
            }
            if x > limit {
                return 0;
            }
        }
    };
    found
}

#[monitored]
fn own_names(result: u8, caller: u8, guard: u8, start: u8, value: u8) -> u8 {
    result + caller + guard + start + value
}

#[monitored]
fn counter() -> impl FnMut() -> u32 {
    let mut count = 0;
    move || {
        count += 1;
        count
    }
}

#[monitored]
fn recursive(n: u32) -> u32 {
    if n == 0 { 0 } else { 1 + recursive(n - 1) }
}

#[monitored]
fn inner_attribute(x: u8) -> u8 {
    #![allow(unused_variables)]
    let unused = 1;
    x
}

#[monitored]
fn items() -> u8 {
    use std::cmp::max;
    macro_rules! two {
        () => {
            2
        };
    }
    const ONE: u8 = 1;
    fn inner(x: u8) -> u8 {
        x
    }
    max(inner(ONE), two!())
}

#[monitored]
fn captures_by_reference<'a>(text: &'a str) -> impl Fn() -> usize + 'a {
    move || text.len()
}

#[monitored]
fn r#match(r#type: u8) -> u8 {
    r#type
}

#[monitored]
fn größe(länge: u8) -> u8 {
    länge
}

/// Public, with docs.
#[monitored]
#[must_use]
#[inline]
pub fn documented() -> u8 {
    1
}

/// Deprecated.
#[deprecated = "old"]
#[monitored]
pub fn old() {}

#[monitored]
#[cold]
#[must_use]
#[inline(never)]
#[track_caller]
fn caller() -> &'static std::panic::Location<'static> {
    std::panic::Location::caller()
}

#[cfg_attr(all(), monitored)]
fn conditional() {}

#[monitored]
fn elided(x: &mut Option<String>) -> Option<&mut String> {
    x.as_mut()
}

#[monitored]
fn nested_result() -> Result<Result<u8, Refused>, Refused> {
    Ok(Err(Refused))
}

#[monitored]
fn borrowed_error(text: &str) -> Result<(), &str> {
    Err(text)
}

#[monitored(method = "Loops")]
fn forever(stop: bool) -> u8 {
    loop {
        if stop {
            return 1;
        }
    }
}

mod deep {
    pub(super) mod deeper {
        #[monitor_core::monitored]
        pub(in super::super) fn scoped() -> u8 {
            1
        }
    }
}

macro_rules! make {
    ($vis:vis fn $name:ident($arg:ident: $ty:ty) -> $ret:ty $body:block) => {
        #[monitored]
        $vis fn $name($arg: $ty) -> $ret $body
    };
}

make!(fn made(x: u8) -> Result<u8, Refused> { if x == 0 { return Err(Refused); } Ok(x) });

fn main() {
    assert_eq!(one_expression(), 1);
    nothing();
    unit_written();
    assert_eq!(question_mark("1"), Ok(2));
    assert!(question_mark("x").is_err());
    assert_eq!(io_alias().ok().as_deref(), Some("a"));
    assert!(early_return(true).is_err());
    assert!(early_return(false).is_ok());
    assert_eq!(bail().unwrap_err().to_string(), "no");
    let map = HashMap::from([("a".to_owned(), "b".to_owned())]);
    assert_eq!(option(&map, "a"), Some("b"));
    assert!(hidden(true).is_err());
    assert_eq!(hidden(false).map_or(String::new(), |hidden| hidden.to_string()), "1");
    assert_eq!(opaque(&[1, 2]).sum::<u8>(), 5);
    assert_eq!(closures()[1](4), 8);
    assert_eq!(as_ref("abc"), 3);
    assert_eq!(generic(1, &"b").as_deref(), Ok("1\"b\""));
    assert_eq!(array([1, 2, 3]), [3, 2, 1]);
    assert_eq!(longer("a", "bc"), "bc");
    assert_eq!(patterns((1, 2), Point { x: 3, y: 4 }, [5, 6, 7], &8), 23);
    assert_eq!(mutable(1, &mut vec![]), &[2]);
    unused(1, 2);
    assert_eq!(coerced(true).to_string(), "1");
    assert_eq!(moved("abc".to_owned()).1, 3);
    assert_eq!(labels(9), 7);
    assert_eq!(own_names(1, 2, 3, 4, 5), 15);
    let mut count = counter();
    assert_eq!((count(), count()), (1, 2));
    assert_eq!(recursive(9), 9);
    assert_eq!(inner_attribute(1), 1);
    assert_eq!(items(), 2);
    assert_eq!(captures_by_reference("abc")(), 3);
    assert_eq!(r#match(1), 1);
    assert_eq!(größe(1), 1);
    assert_eq!(documented(), 1);
    assert_eq!(caller().line(), line!());
    conditional();
    assert_eq!(elided(&mut None), None);
    assert!(nested_result().is_ok());
    assert_eq!(borrowed_error("x"), Err("x"));
    assert_eq!(forever(true), 1);
    assert_eq!(deep::deeper::scoped(), 1);
    assert!(made(0).is_err());
}
