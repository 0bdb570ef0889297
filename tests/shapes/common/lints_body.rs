//! All lints of the compiler and clippy about a body fire under the attribute too.
//@ shape: lints of the body
//@ not: counted
//@ records: returns = ok 1
//@ records: reads = ok 1
//@ fires: unused_variables unused_mut unused_assignments unused_must_use unused_parens unused_braces unreachable_code
//@ fires: unreachable_patterns dead_code path_statements unused_labels unused_imports unused_macros unconditional_recursion
//@ fires: let_underscore_drop trivial_numeric_casts unused_results redundant_semicolons
//@ fires: clippy::needless_return clippy::let_and_return clippy::needless_question_mark
//@ fires: clippy::redundant_clone clippy::clone_on_copy clippy::semicolon_if_nothing_returned
//@ fires: clippy::too_many_lines clippy::redundant_closure_for_method_calls clippy::single_match clippy::items_after_statements
//@ fires: clippy::unwrap_used clippy::panic_in_result_fn clippy::unwrap_in_result clippy::needless_borrow clippy::shadow_unrelated
//@ fires: clippy::let_unit_value clippy::never_loop clippy::let_underscore_untyped
//@ fires: clippy::only_used_in_recursion clippy::large_stack_arrays clippy::significant_drop_tightening
//@ fires: clippy::question_mark_used clippy::try_err clippy::unused_io_amount clippy::blocks_in_conditions
//@ fires: clippy::self_only_used_in_recursion clippy::needless_late_init

use std::io::Read;
use std::sync::Mutex;

use monitor_core::monitored;

#[monitored]
fn unused(x: u8) -> u32 {
    use std::collections::BTreeMap;
    macro_rules! nothing {
        () => {};
    }
    let unused = 1;
    let mut fixed = 2_u8;
    let mut lost = 3;
    lost = 4;
    'label: loop {
        break;
    }
    x;
    fixed.checked_add(1);
    let _ = String::new();
    let _ = fixed.count_ones();;
    (x as u8).count_ones()
}

#[monitored]
fn returns(x: Option<u8>) -> Option<u8> {
    let y = match x {
        Some(y) => y,
        None => return None,
    };
    let z = if (y == 1) { y.clone() } else { y };
    return Some({ z });
}

#[monitored]
fn lets(text: &str) -> String {
    let result = text.to_owned().clone();
    result
}

#[monitored]
fn questions(text: &str) -> Result<u8, std::num::ParseIntError> {
    Ok(text.parse()?)
}

#[monitored]
fn panics_in_result(text: &str) -> Result<u8, String> {
    let number: u8 = text.parse().unwrap();
    if number == 0 {
        Err("zero".to_owned())?;
    }
    if number == 1 {
        panic!("one");
    }
    Ok(number)
}

#[monitored]
fn no_semicolon(list: &mut Vec<u8>) {
    list.clear()
}

#[monitored]
fn unreachable(x: u8) -> u32 {
    return x.count_ones();
    let y = x;
    y.count_zeros()
}

#[monitored]
fn matches(x: Option<u8>) -> u8 {
    match x {
        Some(1) => println!("one"),
        _ => {}
    }
    let y;
    y = match x {
        Some(x) => x,
        None => 0,
        _ => 1,
    };
    for _ in 0..y {
        return 2;
    }
    if { let z = y; z > 1 } { 1 } else { 2 }
}

#[monitored]
fn recursive(x: u8, only: u8) -> u8 {
    if x == 0 { 0 } else { recursive(x - 1, only) }
}

#[monitored]
fn endless(x: u8) -> u8 {
    endless(x)
}

#[monitored]
fn large() -> usize {
    let large = [0_u8; 1_000_000];
    large.len()
}

#[monitored]
fn locks(lock: &Mutex<Vec<u8>>) -> usize {
    let guard = lock.lock().unwrap();
    let length = guard.len();
    length.rotate_left(1) + length.rotate_left(2)
}

#[monitored]
fn reads(mut from: impl Read) -> std::io::Result<()> {
    let mut buffer = [0; 4];
    from.read(&mut buffer)?;
    Ok(())
}

#[monitored]
fn shadows(list: &[String]) -> Vec<usize> {
    let unit = drop(list.first());
    let lengths: Vec<usize> = list.iter().map(|text| text.len()).collect();
    let list = 4;
    let text = &"a";
    let first = lengths.len() + std::convert::identity(list) + str::len(&text);
    vec![first]
}

#[monitored]
fn diverges(x: u8) -> u32 {
    let y: u32 = { todo!() };
    y + u32::from(x)
}

#[monitored]
fn items(x: u8) -> u32 {
    let y = x.count_ones();
    fn never_called() {}
    y
}

#[monitored]
fn complex(a: u8) -> u8 {
    if a == 1 { if a == 2 { if a == 3 { if a == 4 { return 1 } else if a == 5 { return 2 } } } }
    match a { 1 => if a > 1 { return 1 } else { return 3 }, 2 => if a > 2 { return 2 }, 3 => if a > 3 { return 2 }, _ => {} }
    match a { 1 => if a > 1 { return 1 } else { return 3 }, 2 => if a > 2 { return 2 }, 3 => if a > 3 { return 2 }, _ => {} }
    match a { 1 => if a > 1 { return 1 } else { return 3 }, 2 => if a > 2 { return 2 }, 3 => if a > 3 { return 2 }, _ => {} }
    while a > 7 { if a == 9 { if a > 1 && a > 2 || a > 5 { return 9 } } }
    while a > 8 { if a == 9 { if a > 1 && a > 2 || a > 5 { return 9 } } }
    a.rotate_left(1)
}

#[monitored]
fn long(x: u8) -> u32 {
    println!("0");
    println!("1");
    println!("2");
    println!("3");
    println!("4");
    println!("5");
    println!("6");
    println!("7");
    println!("8");
    println!("9");
    println!("10");
    println!("11");
    println!("12");
    println!("13");
    println!("14");
    println!("15");
    println!("16");
    println!("17");
    println!("18");
    println!("19");
    println!("20");
    println!("21");
    println!("22");
    println!("23");
    println!("24");
    println!("25");
    println!("26");
    println!("27");
    println!("28");
    println!("29");
    println!("30");
    println!("31");
    println!("32");
    println!("33");
    println!("34");
    println!("35");
    println!("36");
    println!("37");
    println!("38");
    println!("39");
    println!("40");
    println!("41");
    println!("42");
    println!("43");
    println!("44");
    println!("45");
    println!("46");
    println!("47");
    println!("48");
    println!("49");
    println!("50");
    println!("51");
    println!("52");
    println!("53");
    println!("54");
    println!("55");
    println!("56");
    println!("57");
    println!("58");
    println!("59");
    println!("60");
    println!("61");
    println!("62");
    println!("63");
    println!("64");
    println!("65");
    println!("66");
    println!("67");
    println!("68");
    println!("69");
    println!("70");
    println!("71");
    println!("72");
    println!("73");
    println!("74");
    println!("75");
    println!("76");
    println!("77");
    println!("78");
    println!("79");
    println!("80");
    println!("81");
    println!("82");
    println!("83");
    println!("84");
    println!("85");
    println!("86");
    println!("87");
    println!("88");
    println!("89");
    println!("90");
    println!("91");
    println!("92");
    println!("93");
    println!("94");
    println!("95");
    println!("96");
    println!("97");
    println!("98");
    println!("99");
    println!("100");
    x.count_ones()
}

/// A tree.
#[derive(Debug)]
pub struct Tree(Vec<Tree>);

impl Tree {
    #[monitored]
    fn depth(&self, x: u8) -> u8 {
        if x == 0 { 0 } else { self.depth(x - 1) }
    }
}

/// Runs it.
pub fn run() -> String {
    let _ = (unused as fn(_) -> _, lets as fn(&str) -> _, questions as fn(&str) -> _, panics_in_result as fn(&str) -> _);
    let _ = (no_semicolon as fn(&mut Vec<u8>), unreachable as fn(_) -> _, matches as fn(_) -> _, recursive as fn(_, _) -> _);
    let _ = (endless as fn(_) -> _, large as fn() -> _, locks as fn(&Mutex<Vec<u8>>) -> _, shadows as fn(&[String]) -> _);
    let _ = (diverges as fn(_) -> _, items as fn(_) -> _, complex as fn(_) -> _, long as fn(_) -> _, Tree::depth as fn(&_, _) -> _);
    let _ = reads(&b"a"[..]).is_ok();
    format!("{:?}", returns(Some(3)))
}
