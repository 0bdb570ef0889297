//! The lints that clippy fires most often.
//@ shape: lints clippy gives most often
//@ records: Shelf::to_string = ok 1
//@ fires: clippy::cognitive_complexity clippy::inherent_to_string clippy::wrong_self_convention clippy::len_without_is_empty
//@ fires: clippy::new_without_default clippy::collapsible_if clippy::equatable_if_let clippy::redundant_else
//@ fires: clippy::map_unwrap_or clippy::unnecessary_box_returns clippy::large_types_passed_by_value clippy::needless_range_loop
//@ fires: clippy::manual_map clippy::cast_possible_truncation clippy::match_same_arms clippy::many_single_char_names
//@ fires: clippy::used_underscore_binding clippy::useless_format clippy::useless_vec clippy::redundant_pattern_matching
//@ fires: clippy::option_if_let_else clippy::or_fun_call clippy::needless_bool clippy::nonminimal_bool
//@ fires: clippy::branches_sharing_code clippy::async_yields_async clippy::let_underscore_must_use clippy::misnamed_getters
//@ fires: clippy::float_cmp clippy::needless_collect clippy::unnecessary_to_owned clippy::same_name_method
//@ fires: clippy::infinite_loop clippy::missing_assert_message clippy::indexing_slicing clippy::explicit_iter_loop

use std::collections::HashMap;
use std::future::ready;

use monitor_core::monitored;

/// Things.
#[derive(Debug)]
pub struct Shelf {
    items: Vec<String>,
    names: Vec<String>,
}

trait Counts {
    fn count(&self) -> usize;
}

#[monitored]
impl Counts for Shelf {
    fn count(&self) -> usize {
        self.items.len()
    }
}

#[monitored]
impl Shelf {
    /// An empty one.
    pub fn new() -> Self {
        let items: Vec<String> = Vec::new();
        Self { names: items.clone(), items }
    }

    /// As text.
    pub fn to_string(&self) -> String {
        self.items.join(" ")
    }

    fn into_items(&self) -> Vec<String> {
        self.items.clone()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Its items.
    pub fn items(&self) -> &Vec<String> {
        &self.names
    }

    /// Counts other things.
    pub fn count(&self) -> u32 {
        self.names.len() as u32
    }
}

#[monitored]
fn complex(a: u32, b: u32) -> u32 {
    let mut total = b.rotate_left(1);
    if a == 1 && b != 1 {
        total = total.rotate_left(a);
    }
    if a == 2 && b != 2 {
        total = total.rotate_left(a);
    }
    if a == 3 && b != 3 {
        total = total.rotate_left(a);
    }
    if a == 4 && b != 4 {
        total = total.rotate_left(a);
    }
    if a == 5 && b != 5 {
        total = total.rotate_left(a);
    }
    if a == 6 && b != 6 {
        total = total.rotate_left(a);
    }
    if a == 7 && b != 7 {
        total = total.rotate_left(a);
    }
    if a == 8 && b != 8 {
        total = total.rotate_left(a);
    }
    if a == 9 && b != 9 {
        total = total.rotate_left(a);
    }
    if a == 10 && b != 10 {
        total = total.rotate_left(a);
    }
    if a == 11 && b != 11 {
        total = total.rotate_left(a);
    }
    if a == 12 && b != 12 {
        total = total.rotate_left(a);
    }
    if a == 13 && b != 13 {
        total = total.rotate_left(a);
    }
    if a == 14 && b != 14 {
        total = total.rotate_left(a);
    }
    if a == 15 && b != 15 {
        total = total.rotate_left(a);
    }
    if a == 16 && b != 16 {
        total = total.rotate_left(b);
    }
    if a == 17 && b != 17 {
        total = total.rotate_left(b);
    }
    if a == 18 && b != 18 {
        total = total.rotate_left(b);
    }
    if a == 19 && b != 19 {
        total = total.rotate_left(b);
    }
    if a == 20 && b != 20 {
        total = total.rotate_left(b);
    }
    if a == 21 && b != 21 {
        total = total.rotate_left(b);
    }
    if a == 22 && b != 22 {
        total = total.rotate_left(b);
    }
    if a == 23 && b != 23 {
        total = total.rotate_left(b);
    }
    if a == 24 && b != 24 {
        total = total.rotate_left(b);
    }
    if a == 25 && b != 25 {
        total = total.rotate_left(b);
    }
    if a == 26 && b != 26 {
        total = total.rotate_left(b);
    }
    if a == 27 && b != 27 {
        total = total.rotate_left(b);
    }
    if a == 28 && b != 28 {
        total = total.rotate_left(b);
    }
    if a == 29 && b != 29 {
        total = total.rotate_left(b);
    }
    if a == 30 && b != 30 {
        total = total.rotate_left(b);
    }
    total
}

#[monitored]
fn conditions(x: Option<u8>, y: bool, _hidden: u8) -> bool {
    if y {
        if x == Some(1) {
            return false;
        } else {
            println!("{}", _hidden);
        }
    }
    if let Some(4) = x {
        return true;
    }
    if y {
        if x.is_none() {
            println!("none");
        }
    }
    if let Some(_) = x {
        println!("some");
    }
    if !(x == Some(3)) && y {
        println!("three");
    }
    if x == Some(2) { true } else { false }
}

#[monitored]
fn options(x: Option<u8>, map: &HashMap<u8, String>) -> Option<usize> {
    let y = match x {
        Some(y) => y,
        None => return None,
    };
    let z = match x {
        Some(z) => Some(z.rotate_left(1)),
        None => None,
    };
    if z.is_none() {
        return None;
    }
    let length = if let Some(text) = map.get(&y) { text.len() } else { 0 };
    let other = map.get(&1).map(|text| text.len()).unwrap_or(length);
    let text = map.get(&2).cloned().unwrap_or(String::from("a").repeat(2));
    Some(other.max(text.len()))
}

#[monitored]
fn else_after_return(x: Option<u8>) -> u8 {
    let Some(w) = x else { return 0 };
    let v = if let Some(v) = x { v } else { return 1 };
    if w == 1 {
        return v;
    } else {
        println!("{}", w);
    }
    match w {
        1 => 3,
        2 => 3,
        _ => 4,
    }
}

#[monitored]
fn numbers(a: &[u64], b: f64) -> Box<u32> {
    let (c, d, e, f, g) = (a.len(), b, 1, 2, 3);
    for i in 0..a.len() {
        println!("{}", a[i]);
    }
    for number in a.iter() {
        println!("{}", number);
    }
    let list = vec![e, f, g];
    let same = b == d;
    let count = a.iter().collect::<Vec<_>>().len();
    let text = format!("text");
    assert!(same);
    let _ = text.parse::<u8>();
    Box::new((c + count + list.len()) as u32)
}

#[monitored]
fn large(x: [u64; 64]) -> u32 {
    if x[0] == 1 {
        println!("same");
        x[1].count_ones()
    } else {
        println!("same");
        x[2].count_ones()
    }
}

#[monitored]
fn takes(text: &str) -> usize {
    length(&text.to_string())
}

fn length(text: &str) -> usize {
    text.len()
}

#[monitored]
fn twice(x: u8) -> u32 {
    let inner = async { ready(x) };
    drop(inner);
    x.count_ones()
}

#[monitored]
fn forever(x: u8) {
    loop {
        println!("{}", x);
    }
}

/// A cell.
pub struct Pot(std::cell::UnsafeCell<u8>);

#[monitored]
fn given(pot: &Pot) -> &mut u8 {
    Box::leak(Box::new(u8::from(std::ptr::eq(pot.0.get(), std::ptr::null()))))
}

/// Runs it.
pub fn run() -> String {
    let _ = (complex as fn(_, _) -> _, conditions as fn(_, _, _) -> _, options as fn(_, &_) -> _, else_after_return as fn(_) -> _);
    let _ = (numbers as fn(&[u64], _) -> _, large as fn(_) -> _, takes as fn(&str) -> _, twice as fn(_) -> _, forever as fn(_));
    let _ = (Shelf::into_items as fn(&_) -> _, given as for<'a> fn(&'a Pot) -> &'a mut u8);
    Shelf { items: vec!["a".to_owned()], names: Vec::new() }.to_string()
}
