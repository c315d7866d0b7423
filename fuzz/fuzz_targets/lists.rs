#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| trailsift_fuzz::lists::run(bytes));
