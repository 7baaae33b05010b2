/* Points of a series as JSON: the same bytes as json_points.py writes without this, several times faster, without the GIL.

   The shortest decimal that reads back as the same double is found as in R. Giulietti, "The Schubfach way to render
   doubles" (2021), https://drive.google.com/file/d/1IEeATSVnEE6TkrHlCYNY2GjaraBjOT4f. With c * 2^q the double and 10^k
   the largest power of ten not above the width of its rounding interval, one or two candidates s * 10^k lie in that
   interval; g(k), a power of ten in 128 bits, brings c to that scale. The powers come from json_points.py, where integers
   are as long as they need to be. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#if !defined __SIZEOF_INT128__ || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "needs integers of 128 bits, their lowest byte first; without this module json_points.py does the work"
#endif

typedef unsigned __int128 uint128;
typedef struct { uint64_t low, high; } Power;

static const uint64_t EIGHT = 100000000, SIXTEEN = 10000000000000000; /* 10^8, 10^16 */
static const uint64_t ZEROS = 0x3030303030303030; /* eight of the character */

enum {
    FIRST_POWER = -292,
    POWERS = 617,
    DIGITS = 17,
    MOST_WHOLE_DIGITS = 16,
    MOST_ZEROS = 4, /* between the decimal point and the first digit; what has more is written with an exponent */
    POINT_BYTES = 48, /* `[-1.7976931348623157e+308,-9223372036854775808],` */
    SLACK = 16
};

/* c * g * 2^-128 cut to an integer, its last bit set when anything was cut off (but for what g is rounded up by). */
static inline uint64_t scaled(Power g, uint64_t c)
{
    uint128 high = (uint128)g.high * c + (uint64_t)(((uint128)g.low * c) >> 64);
    return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

/* The shortest s * 10^k that reads back as the positive finite double of these bits, perhaps with zeros at its end. */
static uint64_t shortest(uint64_t bits, const Power *powers, int *k)
{
    uint64_t fraction = bits & ((1ull << 52) - 1);
    int exponent = (int)(bits >> 52);
    uint64_t c = exponent ? fraction | 1ull << 52 : fraction;
    int q = (exponent ? exponent : 1) - 1075;
    int odd = c & 1;
    int closer_below = fraction == 0 && exponent > 1; /* the double below is half as far away */

    /* floor(log10(2^q)), of 3/4 of that when the interval is so much narrower; floor(log2(10^-k)) likewise */
    *k = (q * 1262611 - (closer_below ? 524031 : 0)) >> 22;
    int shift = q + ((-*k * 1741647) >> 19) + 1;
    Power g = powers[-*k - FIRST_POWER];

    /* four times the double and the ends of its interval; a double with an odd c does not own the ends themselves */
    uint64_t value = scaled(g, 4 * c << shift);
    uint64_t low = scaled(g, (4 * c - 2 + closer_below) << shift) + odd;
    uint64_t high = scaled(g, (4 * c + 2) << shift) - odd;

    uint64_t s = value / 4;
    if (s >= 10) {
        uint64_t tens = s / 10;
        int below = low <= 40 * tens, above = 40 * tens + 40 <= high;
        if (below != above) {
            ++*k;
            return tens + above;
        }
    }
    int below = low <= 4 * s, above = 4 * s + 4 <= high;
    if (below != above)
        return s + above;
    uint64_t middle = 4 * s + 2;
    return s + (value > middle || (value == middle && (s & 1)));
}

/* Eight decimal digits of a number below 10^8, one a byte, the first one lowest: halved three times, in parallel. */
static inline uint64_t eight_digits(uint64_t number)
{
    uint64_t fours = number / 10000 | number % 10000 << 32;
    uint64_t hundreds = fours * 10486 >> 20 & 0x7f0000007f;
    uint64_t twos = hundreds | (fours - 100 * hundreds) << 16;
    uint64_t tens = twos * 103 >> 10 & 0xf000f000f000f;
    return tens | (twos - 10 * tens) << 8;
}

static inline void put_eight(char *out, uint64_t digits)
{
    digits |= ZEROS;
    memcpy(out, &digits, 8);
}

/* An integer without zeros in front; the end of what was written. */
static inline char *put_whole(char *out, uint64_t number)
{
    if (number >= EIGHT) {
        uint64_t above = number / EIGHT;
        out = put_whole(out, above);
        put_eight(out, eight_digits(number - above * EIGHT));
        return out + 8;
    }
    uint64_t digits = eight_digits(number);
    int zeros = __builtin_ctzll(digits | 1ull << 56) / 8;
    put_eight(out, digits >> 8 * zeros);
    return out + 8 - zeros;
}

/* The first digits of a time, all but eight: most of its neighbours have the same. */
typedef struct { uint64_t number; int length; char text[16]; } Head;

static inline char *put_time(char *out, uint64_t time, Head *head)
{
    uint64_t above = time / EIGHT;
    if (above == 0)
        return put_whole(out, time);
    if (above != head->number) {
        head->number = above;
        head->length = (int)(put_whole(head->text, above) - head->text);
    }
    memcpy(out, head->text, sizeof head->text);
    put_eight(out + head->length, eight_digits(time - above * EIGHT));
    return out + head->length + 8;
}

/* The 17 digits of a double; the end of them. */
static inline char *put_digits(char *out, uint64_t first, uint64_t second, char last)
{
    memcpy(out, &first, 8);
    memcpy(out + 8, &second, 8);
    out[16] = last;
    return out + DIGITS;
}

/* s * 10^k, 0 < s < 10^17, as orjson writes it: 0.00001 and 1000000000000000.0, but 1e-6 and 1.5e+16. */
static inline char *put_decimal(char *out, uint64_t s, int k)
{
    /* Mostly it has 15 to 17 digits, by chance: two steps without a branch to guess. */
    for (int i = 0; i < 2; ++i) {
        int few = s < SIXTEEN;
        s = few ? 10 * s : s;
        k -= few;
    }
    while (s < SIXTEEN) {
        s *= 10;
        --k;
    }
    int point = DIGITS + k, power = point - 1; /* digits before the decimal point; what the first one counts */
    uint64_t high = s / (10 * EIGHT), rest = s - high * (10 * EIGHT);
    uint64_t first = eight_digits(high), second = eight_digits(rest / 10);
    char last = (char)('0' + rest % 10);
    int n = last > '0' ? DIGITS : second ? 16 - __builtin_clzll(second) / 8 : 8 - __builtin_clzll(first) / 8;
    first |= ZEROS;
    second |= ZEROS;

    if (-MOST_ZEROS <= point && point <= 0) {
        memcpy(out, "0.0000", 6);
        return put_digits(out + 2 - point, first, second, last) - DIGITS + n;
    }
    int plain = 0 < point && point <= MOST_WHOLE_DIGITS;
    if (!plain)
        point = 1;
    put_digits(out, first, second, last);
    out[point] = '.';
    /* The digits behind the point again: not read back from there, for which the processor would wait. */
    if (point < 8) {
        first >>= 8 * point;
        memcpy(out + point + 1, &first, 8);
        memcpy(out + 9, &second, 8);
    } else {
        second = second >> 4 * (point - 8) >> 4 * (point - 8);
        memcpy(out + point + 1, &second, 8);
    }
    out[DIGITS] = last;
    if (plain) {
        if (n > point)
            return out + n + 1;
        memcpy(out + point, ".0", 2);
        return out + point + 2;
    }
    out += n > 1 ? n + 1 : 1;
    *out++ = 'e';
    *out++ = power < 0 ? '-' : '+';
    return put_whole(out, (uint64_t)(power < 0 ? -power : power));
}

/* A finite double. */
static char *put_number(char *out, uint64_t bits, const Power *powers)
{
    double value;
    if (bits >> 63) {
        *out++ = '-';
        bits ^= 1ull << 63;
    }
    memcpy(&value, &bits, sizeof value);
    if (value < 9007199254740992.0) {
        int64_t whole = (int64_t)value;
        if ((double)whole == value) { /* below 2^53 no shorter decimal is as near */
            out = put_whole(out, (uint64_t)whole);
            memcpy(out, ".0", 2);
            return out + 2;
        }
    }
    int k;
    uint64_t s = shortest(bits, powers, &k);
    return put_decimal(out, s, k);
}

/* Writes at most POINT_BYTES a point, and copies at most SLACK beyond; the end of what was written. */
static char *put_points(
    char *out, const Power *powers, const char *values, Py_ssize_t n, uint64_t start, uint64_t step, int no_nulls)
{
    Head head = {0};
    for (Py_ssize_t i = 0; i < n; ++i) {
        uint64_t bits, time = start + (uint64_t)i * step;
        memcpy(&bits, values + i * (Py_ssize_t)sizeof bits, sizeof bits);
        int finite = (bits >> 52 & 0x7ff) != 0x7ff;
        if (!finite && no_nulls)
            continue;
        *out++ = '[';
        if (finite)
            out = put_number(out, bits, powers);
        else {
            memcpy(out, "null", 4);
            out += 4;
        }
        *out++ = ',';
        if (time >> 63) {
            *out++ = '-';
            time = 0 - time;
        }
        out = put_time(out, time, &head);
        memcpy(out, "],", 2);
        out += 2;
    }
    return out;
}

static PyObject *written(PyObject *module, PyObject *args)
{
    Py_buffer powers, values;
    long long start, step;
    int no_nulls;
    (void)module;
    if (!PyArg_ParseTuple(args, "y*y*LLp", &powers, &values, &start, &step, &no_nulls))
        return NULL;
    PyObject *answer = NULL;
    Py_ssize_t n = values.len / (Py_ssize_t)sizeof(double);
    if (powers.len != POWERS * sizeof(Power) || (uintptr_t)powers.buf % _Alignof(Power) != 0)
        PyErr_SetString(PyExc_ValueError, "these are not the powers of ten");
    else if (n > (PY_SSIZE_T_MAX - SLACK) / POINT_BYTES)
        PyErr_NoMemory();
    else {
        char *begin = PyMem_Malloc(n * POINT_BYTES + SLACK), *end;
        if (begin) {
            Py_BEGIN_ALLOW_THREADS
            end = put_points(begin, powers.buf, values.buf, n, (uint64_t)start, (uint64_t)step, no_nulls);
            Py_END_ALLOW_THREADS
            /* the last comma belongs to nobody */
            answer = PyBytes_FromStringAndSize(begin, end > begin ? end - begin - 1 : 0);
            PyMem_Free(begin);
        } else
            PyErr_NoMemory();
    }
    PyBuffer_Release(&powers);
    PyBuffer_Release(&values);
    return answer;
}

static PyMethodDef methods[] = {
    {"written", written, METH_VARARGS,
     "written(powers, values, start, step, no_nulls)\n--\n\n`[value,time],[value,time]` of contiguous doubles."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {{0, NULL}};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_json_points",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__json_points(void)
{
    return PyModuleDef_Init(&definition);
}
