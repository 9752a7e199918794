#include "../../src/base/bytes.h"
#include "tap.h"

#include <apr_general.h>

static void test_reader(void)
{
    uint8_t *data = exact("\x01\x02\x03\x04\x05\x06\xff\xff\xff\xfe\x80\0\0\0\0\0\0\x01", 18);
    jo_reader r, sub;

    jo_reader_init(&r, data, 18);
    is_int(jo_read_u8(&r), 1, "u8");
    is_int(jo_read_u16(&r), 0x0203, "u16");
    is_int(jo_read_u24(&r), 0x040506, "u24");
    is_int(jo_read_i32(&r), -2, "i32");
    is_int((long long)jo_reader_left(&r), 8, "left");
    is_int(jo_read_i64(&r), INT64_MIN + 1, "i64");
    ok(!r.failed && jo_read_bytes(&r, 0) != NULL, "no bytes at the end are no failure");
    ok(jo_read_u8(&r) == 0 && r.failed, "a byte past the end fails");
    ok(jo_read_bytes(&r, 0) == NULL && jo_reader_left(&r) == 0, "and stays failed");

    jo_reader_init(&r, data, 18);
    jo_read_skip(&r, 15);
    ok(jo_read_u32(&r) == 0 && r.failed, "a u32 across the end gives 0 and fails");
    jo_reader_init(&r, data, 18);
    sub = jo_read_sub(&r, 4);
    ok(jo_read_u32(&sub) == 0x01020304 && jo_read_u8(&sub) == 0 && sub.failed,
       "a sub-reader is bounded");
    ok(!r.failed && jo_read_u8(&r) == 5, "its parent goes on behind it");
    sub = jo_read_sub(&r, SIZE_MAX);
    ok(sub.failed && r.failed, "a sub-reader beyond the end fails both");
    jo_reader_init(&r, NULL, 0);
    ok(jo_reader_left(&r) == 0 && jo_read_bytes(&r, 0) != NULL && jo_read_u8(&r) == 0 && r.failed,
       "an empty reader over NULL");
    free(data);
}

static void test_bits(void)
{
    /* 1 010 011 00100 00101, then 16 zero bits */
    uint8_t *data = exact("\xa6\x42\x80\0\0", 5);
    jo_bits b;

    jo_bits_init(&b, data, 5);
    is_int(jo_bits_ue(&b), 0, "ue 0");
    is_int(jo_bits_ue(&b), 1, "ue 1");
    is_int(jo_bits_ue(&b), 2, "ue 2");
    is_int(jo_bits_ue(&b), 3, "ue 3");
    is_int(jo_bits_ue(&b), 4, "ue 4");
    ok(jo_bits_ue(&b) == 0 && b.failed, "a ue without its end fails");
    jo_bits_init(&b, data, 5);
    jo_bits_read(&b, 1);
    is_int(jo_bits_se(&b), 1, "se 1");
    is_int(jo_bits_se(&b), -1, "se -1");
    is_int(jo_bits_se(&b), 2, "se 2");
    is_int(jo_bits_se(&b), -2, "se -2");
    jo_bits_init(&b, data, 5);
    is_int(jo_bits_read(&b, 32), 0xa6428000, "32 bits at once");
    ok(jo_bits_read(&b, 9) == 0 && b.failed, "bits past the end fail");
    free(data);

    data = exact("\0\0\0\x01\xff\xff\xff\xff", 8); /* 31 zeros, a one, 31 ones: the largest ue */
    jo_bits_init(&b, data, 8);
    is_int(jo_bits_ue(&b), 4294967294LL, "the largest ue");
    free(data);
    data = exact("\0\0\0\0\xff\xff\xff\xff\xff", 9);
    jo_bits_init(&b, data, 9);
    ok(jo_bits_ue(&b) == 0 && b.failed, "a ue of more than 32 bits fails");
    free(data);
}

static void test_writer(apr_pool_t *pool)
{
    jo_writer w;

    jo_writer_init(&w, pool, 0);
    jo_write_u8(&w, 0x101);
    jo_write_u16(&w, 0x0203);
    jo_write_u24(&w, 0x040506);
    jo_write_u32(&w, 0);
    jo_write_u64(&w, 0x0102030405060708);
    jo_write_bytes(&w, NULL, 0);
    jo_write_patch_u32(&w, 6, 0xfffefdfc);
    ok(w.len == 18 && memcmp(w.data, "\1\2\3\4\5\6\xff\xfe\xfd\xfc\1\2\3\4\5\6\7\x08", 18) == 0,
       "what is written");
    jo_write_zeros(&w, 100000);
    jo_write_bytes(&w, "end", 3);
    ok(w.len == 100021 && w.data[0] == 1 && w.data[18] == 0 &&
           memcmp(w.data + 100018, "end", 3) == 0,
       "it grows and keeps what it had");
}

int main(void)
{
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_reader();
    test_bits();
    test_writer(pool);
    apr_terminate();
    return tap_done();
}
