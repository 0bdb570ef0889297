//! `request_size`, `response_size`, `deadline`.

use std::time::Duration;

use monitor_core::monitored;
use monitor_core::testing::{self, Recorder, call};

use crate::drive::{collect, items, pause, poll, ready};

macro_rules! sizes_of {
    ($($name:ident: $type:ty),*) => {
        $(#[monitored(request_size = size)]
        fn $name(size: $type) {
            let _ = size;
        })*
    };
}

sizes_of!(
    size_u8: u8, size_u16: u16, size_u32: u32, size_u64: u64, size_u128: u128, size_usize: usize,
    size_i8: i8, size_i16: i16, size_i32: i32, size_i64: i64, size_i128: i128, size_isize: isize,
    size_reference: &u32, size_option: Option<u16>, size_option_reference: Option<&usize>, size_reference_option: &Option<u64>
);

#[test]
fn a_size_is_any_integer_a_reference_or_an_option_of_one() {
    let ((), recorded) = testing::record(|| {
        size_u8(1);
        size_u16(2);
        size_u32(3);
        size_u64(4);
        size_u128(5);
        size_usize(6);
        size_i8(7);
        size_i16(8);
        size_i32(9);
        size_i64(10);
        size_i128(11);
        size_isize(12);
        size_reference(&13);
        size_option(Some(14));
        size_option_reference(Some(&15));
        size_reference_option(&Some(16));
    });
    let names = [
        "u8",
        "u16",
        "u32",
        "u64",
        "u128",
        "usize",
        "i8",
        "i16",
        "i32",
        "i64",
        "i128",
        "isize",
        "reference",
        "option",
        "option_reference",
        "reference_option",
    ];
    let expected = names.iter().zip(1..).flat_map(|(name, size)| {
        let name = format!("size_{name}");
        [call(&name).success(), call(&name).request_size(size)]
    });
    recorded.assert_exactly(expected);
}

#[test]
fn no_size_is_noted_where_there_is_none() {
    let ((), recorded) = testing::record(|| {
        size_option(None);
        size_option_reference(None);
        size_reference_option(&None);
    });
    recorded.assert_exactly(
        [
            "size_option",
            "size_option_reference",
            "size_reference_option",
        ]
        .map(|name| call(name).success()),
    );
}

#[monitored(request_size = body.len(), response_size = Vec::len)]
fn doubled(body: Vec<u8>) -> Result<Vec<u8>, Vec<u8>> {
    if body.is_empty() {
        return Err(vec![1, 2, 3]);
    }
    Ok([body.clone(), body].concat())
}

#[monitored(request_size = body.len(), response_size = |answer: &Vec<u8>| answer.len() as u64)]
async fn doubled_async(body: Vec<u8>) -> Result<Vec<u8>, Vec<u8>> {
    pause().await;
    if body.is_empty() {
        return Err(vec![1, 2, 3]);
    }
    Ok([body.clone(), body].concat())
}

#[monitored(request_size = body.len(), response_size = |answer| answer.len())]
fn doubled_future(body: Vec<u8>) -> impl Future<Output = Result<Vec<u8>, Vec<u8>>> + Send {
    let length = body.len();
    async move {
        pause().await;
        if length == 0 {
            Err(vec![1, 2, 3])
        } else {
            Ok([body.clone(), body].concat())
        }
    }
}

#[test]
fn the_response_has_a_size_only_if_it_is_ok() {
    let ((), recorded) = testing::record(|| {
        for body in [vec![], vec![1, 2, 3]] {
            let answers = [
                doubled(body.clone()),
                ready(doubled_async(body.clone())),
                ready(doubled_future(body.clone())),
            ];
            assert!(
                answers
                    .iter()
                    .all(|answer| answer.is_err() == body.is_empty())
            );
        }
    });
    recorded.assert_exactly(
        ["doubled", "doubled_async", "doubled_future"]
            .into_iter()
            .flat_map(|name| {
                [
                    call(name).success(),
                    call(name).failure("other"),
                    call(name).request_size(0),
                    call(name).request_size(3),
                    call(name).response_size(6),
                ]
            }),
    );
}

#[monitored(response_size = String::len)]
fn no_result(text: &str) -> String {
    text.to_owned()
}

#[monitored(response_size = |text: &Option<String>| text.as_ref().map(String::len))]
async fn no_size_of_none(text: Option<String>) -> Option<String> {
    text
}

type Hidden = Result<String, u8>;

#[monitored(response_size = String::len)]
fn behind_an_alias(text: &str) -> Hidden {
    Ok(text.to_owned())
}

#[monitored(response_size = |item: &u32| *item)]
fn of_items() -> impl futures_core::Stream<Item = Result<u32, String>> {
    items([Ok(1), Err("x".to_owned()), Ok(10)])
}

#[test]
fn any_other_value_is_seen_as_it_is_and_each_item_of_a_stream() {
    let (_, recorded) = testing::record(|| {
        no_result("four");
        ready(no_size_of_none(None));
        ready(no_size_of_none(Some("abc".to_owned())));
        assert_eq!(collect(of_items()).len(), 3);
    });
    recorded.assert_includes([
        call("no_result").success(),
        call("no_result").response_size(4),
        call("no_size_of_none").success().times(2),
        call("no_size_of_none").response_size(3),
        call("of_items").success(),
        call("of_items").items(2),
        call("of_items").failed_items(1),
    ]);
    let snapshot = recorded.snapshot();
    let stream = snapshot
        .methods
        .iter()
        .find(|one| &*one.name == "of_items")
        .expect("the method");
    let sizes = stream
        .values
        .iter()
        .find_map(|value| value.histogram.as_ref())
        .expect("sizes");
    assert_eq!(
        (sizes.count(), sizes.sum),
        (2, 11.0),
        "one for each item that is no error"
    );
}

#[test]
fn ok_if_does_not_change_which_answer_has_a_size() {
    #[monitored(response_size = String::len, ok_if = |_| true)]
    fn all_well(answer: Result<String, String>) -> Result<String, String> {
        answer
    }
    #[monitored(response_size = String::len, ok_if = |_| false)]
    fn none_well(answer: Result<String, String>) -> Result<String, String> {
        answer
    }
    let (_, recorded) = testing::record(|| {
        let _ = (
            all_well(Ok("ab".to_owned())),
            all_well(Err("abc".to_owned())),
            none_well(Ok("abcd".to_owned())),
        );
        assert_eq!(behind_an_alias("ok").as_deref(), Ok("ok"));
    });
    recorded.assert_exactly([
        call("all_well").success().times(2),
        call("all_well").response_size(2),
        call("none_well").failure("other"),
        call("none_well").response_size(4),
        call("behind_an_alias").success(),
        call("behind_an_alias").response_size(2),
    ]);
}

#[monitored(deadline = left)]
async fn with_deadline(probe: Recorder, left: Option<Duration>, fail: bool) -> Result<(), String> {
    probe.advance(Duration::from_secs(2));
    pause().await;
    if fail { Err("late".to_owned()) } else { Ok(()) }
}

#[monitored(deadline = Duration::from_millis(*left))]
fn with_a_duration(left: &u64) {}

#[monitored(deadline = req.0)]
fn with_a_field(req: (Option<Duration>, String)) -> String {
    req.1
}

#[test]
fn a_deadline_is_noted_at_the_start_and_at_the_end() {
    let probe = Recorder::new();
    probe.scope_sync(|| {
        let run = |left, fail| ready(with_deadline(probe.clone(), left, fail));
        assert_eq!(run(Some(Duration::from_secs(5)), false), Ok(()));
        assert!(
            run(Some(Duration::from_secs(1)), true).is_err(),
            "past its deadline: 0 left"
        );
        assert_eq!(run(None, false), Ok(()));
        let mut dropped = Box::pin(with_deadline(
            probe.clone(),
            Some(Duration::from_secs(7)),
            false,
        ));
        assert!(poll(dropped.as_mut()).is_pending());
        drop(dropped);
        with_a_duration(&1_500);
        with_a_field((Some(Duration::from_secs(9)), String::new()));
    });
    let seconds = Duration::from_secs;
    probe.recorded().assert_exactly([
        call("with_deadline").success().times(2),
        call("with_deadline").failure("other"),
        call("with_deadline").cancelled(),
        call("with_deadline").deadline(seconds(5)),
        call("with_deadline").deadline_at_end(seconds(3)),
        call("with_deadline").deadline(seconds(1)),
        call("with_deadline").deadline_at_end(seconds(0)),
        call("with_deadline").deadline(seconds(7)),
        call("with_deadline").deadline_at_end(seconds(5)),
        call("with_a_duration").success(),
        call("with_a_duration").deadline(Duration::from_millis(1_500)),
        call("with_a_duration").deadline_at_end(Duration::from_millis(1_500)),
        call("with_a_field").success(),
        call("with_a_field").deadline(seconds(9)),
        call("with_a_field").deadline_at_end(seconds(9)),
    ]);
}

#[test]
fn a_panicking_call_has_its_request_size_and_no_response_size() {
    #[monitored(request_size = 7, response_size = |_| 1)]
    fn dies(die: bool) -> u8 {
        assert!(!die);
        1
    }
    let probe = Recorder::new();
    assert!(probe.catch(|| dies(true)).is_err());
    probe
        .recorded()
        .assert_exactly([call("dies").panicked(), call("dies").request_size(7)]);
}
