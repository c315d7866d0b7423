#![no_main]

// The product catches panics of the Parquet reader; those that it does not catch end the fuzzer, but
// without a message: `cargo test --test fuzz_seeds` shows it.
libfuzzer_sys::fuzz_target!(
    init: std::panic::set_hook(Box::new(|_| {})),
    |bytes: &[u8]| trailsift_fuzz::state::run(bytes)
);
