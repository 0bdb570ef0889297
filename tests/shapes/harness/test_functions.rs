//! Functions that are tests.
//@ shape: with `#[test]` and `#[tokio::test]`
//@ records: below = ok 1
//@ records: above = ok 1
//@ records: fails = other 1
//@ records: runtime_below = ok 1
//@ records: runtime_above = ok 1
//@ records: panics = panic 1

#[cfg(test)]
mod tests {
    use monitor_core::monitored;
    use shapes_driver::caught;

    #[test]
    #[monitored]
    fn below() {
        assert_eq!(1 + 1, 2);
    }

    #[monitored]
    #[test]
    fn above() -> Result<(), String> {
        let two: u8 = "2".parse().map_err(|_| "no number".to_owned())?;
        assert_eq!(1 + 1, two);
        Ok(())
    }

    #[test]
    #[ignore = "fails on purpose"]
    #[monitored]
    fn fails() -> Result<(), String> {
        Err("on purpose".to_owned())
    }

    #[test]
    #[should_panic(expected = "on purpose")]
    #[monitored]
    fn panics() {
        panic!("on purpose");
    }

    #[tokio::test]
    #[monitored]
    async fn runtime_below() -> Result<(), String> {
        tokio::task::yield_now().await;
        let two: u8 = "2".parse().map_err(|_| "no number".to_owned())?;
        assert_eq!(1 + 1, two);
        Ok(())
    }

    #[monitored]
    #[tokio::test]
    async fn runtime_above() {
        tokio::task::yield_now().await;
        assert_eq!(1 + 1, 2);
    }

    fn run() -> String {
        below();
        runtime_above();
        format!("{:?} {:?} {:?} {}", above(), fails(), runtime_below(), caught(panics))
    }

    #[test]
    fn protocol() {
        shapes_driver::main(&[("test_functions", run)]);
    }
}
