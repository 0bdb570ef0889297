//! All lints of the compiler and clippy about a signature fire under the attribute too.
//@ shape: lints of the signature
//@ records: wraps = ok 1
//@ fires: clippy::too_many_arguments clippy::fn_params_excessive_bools clippy::unused_self clippy::trivially_copy_pass_by_ref
//@ fires: clippy::needless_pass_by_value clippy::unnecessary_wraps clippy::missing_errors_doc clippy::missing_panics_doc
//@ fires: clippy::must_use_candidate clippy::ptr_arg clippy::unused_unit clippy::result_unit_err
//@ fires: clippy::new_ret_no_self
//@ fires: clippy::should_implement_trait clippy::return_self_not_must_use clippy::implicit_hasher clippy::type_complexity
//@ fires: clippy::ref_option clippy::option_option clippy::double_must_use clippy::self_named_constructors
//@ fires: clippy::result_large_err clippy::missing_inline_in_public_items clippy::boxed_local clippy::box_collection
//@ fires: clippy::borrowed_box clippy::impl_trait_in_params clippy::redundant_allocation
//@ fires: clippy::must_use_unit clippy::use_self clippy::similar_names non_snake_case
//@ fires: clippy::inline_always clippy::multiple_bound_locations clippy::type_repetition_in_bounds

use std::collections::HashMap;
use std::rc::Rc;

use monitor_core::monitored;

/// Large.
#[derive(Debug)]
pub struct Large([u64; 100]);

#[monitored]
fn many(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8) -> u32 {
    [a, b, c, d, e, f, g, h].iter().map(|x| u32::from(*x)).sum()
}

#[monitored]
fn bools(a: bool, b: bool, c: bool, d: bool) -> usize {
    [a, b, c, d].iter().filter(|x| **x).count()
}

#[monitored]
fn by_ref(x: &u8) -> u32 {
    x.count_ones()
}

#[monitored]
fn by_value(text: String, list: Vec<u8>) -> usize {
    text.len() + list.len()
}

#[monitored]
fn pointer(text: &String, list: &Vec<u8>) -> usize {
    text.len() + list.len()
}

#[monitored]
fn not_mutated(list: &mut Vec<u8>) -> usize {
    list.len()
}

#[monitored]
fn wraps(x: u8) -> Option<u32> {
    Some(x.count_ones())
}

#[monitored]
fn wraps_in_result(x: u8) -> Result<u32, String> {
    let ones = x.count_ones();
    Ok(ones)
}

#[monitored]
fn unit(x: &str) -> () {
    drop(x.to_owned());
}

#[monitored]
fn large(large: Large) -> u64 {
    large.0.iter().sum()
}

#[monitored]
fn boxed(text: Box<[u64; 4]>) -> u64 {
    text.iter().sum()
}

#[monitored]
fn boxed_returned(x: u64) -> Box<u64> {
    Box::new(x.rotate_left(1))
}

#[monitored]
fn collections(list: Box<Vec<u8>>, count: Rc<Box<u8>>, object: &Box<u8>) -> usize {
    list.len() + usize::from(**count) + usize::from(**object)
}

#[monitored]
fn options(one: &Option<String>, two: Option<&&str>, three: Option<Option<u8>>) -> bool {
    one.is_some() || two.is_some() || three.is_some()
}

#[monitored]
fn NotSnake(first_value: u8, first_valve: u8) -> u32 {
    (first_value ^ first_valve).count_ones()
}

#[monitored]
fn twice_bound<T: Clone>(value: &T) -> T
where
    T: Default,
{
    value.clone()
}

/// Fails.
#[monitored]
pub fn no_errors_section(text: &str) -> Result<u8, ()> {
    text.parse().map_err(|_| ())
}

/// Panics.
#[monitored]
pub fn no_panics_section(text: &str) -> u8 {
    text.parse().unwrap()
}

/// Large error.
#[monitored]
pub fn large_error(text: &str) -> Result<u8, Large> {
    text.parse().map_err(|_| Large([0; 100]))
}

/// Any hasher would do.
#[monitored]
pub fn hashed(map: &HashMap<u8, u8>) -> usize {
    map.len()
}

/// A complex type.
#[monitored]
pub fn complex(x: &dyn Fn(Vec<Option<Box<dyn Fn(u8) -> Result<u8, Box<dyn Fn() -> u8>>>>>) -> u8) -> u8 {
    x(vec![])
}

/// Exclusive out of shared.
#[monitored]
pub fn exclusive(_x: &u8) -> &mut u8 {
    Box::leak(Box::new(4))
}

/// An `impl` as a parameter.
#[monitored]
pub fn hidden_parameter(x: impl Fn() -> u8) -> u8 {
    x()
}

/// Inlined.
#[inline(always)]
#[monitored]
pub fn inlined(x: u8) -> u32 {
    x.count_ones()
}

/// Must be used twice.
#[must_use]
#[monitored]
pub fn doubly(text: &str) -> Result<u8, std::num::ParseIntError> {
    text.parse()
}

/// Must be used, though there is nothing.
#[must_use]
#[monitored]
pub fn used_unit(x: &str) {
    drop(x.to_owned());
}

/// A number.
#[derive(Debug, Clone)]
pub struct Number(u8);

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Number {
    /// Not one.
    #[monitored]
    pub fn new(x: u8) -> u32 {
        x.count_ones()
    }

    /// Named like its type.
    #[monitored]
    pub fn number(x: u8) -> Number {
        Number(x.rotate_left(1))
    }

    /// As text.
    #[monitored]
    pub fn to_string(&self) -> String {
        format!("{}", self.0)
    }

    /// Takes it.
    #[monitored]
    pub fn to_thing(self) -> String {
        format!("{}", self.0)
    }

    /// Is it?
    #[monitored]
    pub fn is_thing(self) -> bool {
        self.0.count_ones() > 1
    }

    /// Adds.
    #[monitored]
    pub fn add(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }

    /// More.
    #[monitored]
    pub fn more(self, by: u8) -> Self {
        Self(self.0.wrapping_add(by))
    }

    #[monitored]
    fn unused_self(&self, by: u8) -> u32 {
        by.count_ones()
    }
}

/// Runs it.
pub fn run() -> String {
    let _ = (many as fn(_, _, _, _, _, _, _, _) -> _, bools as fn(_, _, _, _) -> _, by_ref as fn(_) -> _);
    let _ = (by_value as fn(_, _) -> _, pointer as fn(&_, &_) -> _, not_mutated as fn(&mut _) -> _);
    let _ = (wraps_in_result as fn(_) -> _, unit as fn(&str), large as fn(_) -> _, boxed as fn(_) -> _);
    let _ = (boxed_returned as fn(_) -> _, collections as fn(_, _, _) -> _, options as fn(_, _, _) -> _);
    let _ = (NotSnake as fn(_, _) -> _, twice_bound::<u8> as fn(_) -> _, Number::unused_self as fn(&_, _) -> _);
    format!("{:?}", wraps(7))
}
