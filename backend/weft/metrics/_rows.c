/* Rows of points, one pass each: what rows.py does with several of numpy's, to the same bits, without the GIL. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "swaps the bytes of every point; without this module rows.py does the work"
#endif

enum { TIME_BYTES = 4, POINT_BYTES = 12, MOST_ROWS = 4096 };

static void decode(const char *points, const char *times, Py_ssize_t rows, Py_ssize_t n, double *out)
{
    for (Py_ssize_t row = 0; row < rows; ++row)
        for (Py_ssize_t i = 0; i < n; ++i, points += POINT_BYTES, ++out) {
            uint32_t time, expected;
            uint64_t bits;
            double value;
            memcpy(&time, points, sizeof time);
            memcpy(&expected, times + i * TIME_BYTES, sizeof expected);
            memcpy(&bits, points + TIME_BYTES, sizeof bits);
            bits = __builtin_bswap64(bits);
            memcpy(&value, &bits, sizeof value);
            *out = time == expected ? value : NAN;
        }
}

static PyObject *decoded(PyObject *module, PyObject *args)
{
    Py_buffer points, times, out;
    (void)module;
    if (!PyArg_ParseTuple(args, "y*y*w*", &points, &times, &out))
        return NULL;
    Py_ssize_t n = times.len / TIME_BYTES, values = out.len / (Py_ssize_t)sizeof(double), rows = n ? values / n : 0;
    PyObject *answer = NULL;
    if (rows * n != values || points.len / POINT_BYTES < values)
        PyErr_SetString(PyExc_ValueError, "there are not as many points as values");
    else {
        Py_BEGIN_ALLOW_THREADS
        decode(points.buf, times.buf, rows, n, out.buf);
        Py_END_ALLOW_THREADS
        answer = Py_NewRef(Py_None);
    }
    PyBuffer_Release(&points);
    PyBuffer_Release(&times);
    PyBuffer_Release(&out);
    return answer;
}

typedef double Doubles __attribute__((vector_size(16)));
typedef int64_t Whole __attribute__((vector_size(16)));

/* Adds one row to the sums, and counts what is no gap. */
static void add(const char *row, Py_ssize_t stride, Py_ssize_t n, double *total, int64_t *count)
{
    Py_ssize_t i = 0;
    if (stride == sizeof(double))
        for (; i + 2 <= n; i += 2) { /* two at once: compilers do not see that they may */
            Doubles values, sums;
            Whole counts;
            memcpy(&values, row + i * stride, sizeof values);
            memcpy(&sums, total + i, sizeof sums);
            memcpy(&counts, count + i, sizeof counts);
            Whole there = values == values; /* -1 where it is so */
            sums += (Doubles)((Whole)values & there);
            counts -= there;
            memcpy(total + i, &sums, sizeof sums);
            memcpy(count + i, &counts, sizeof counts);
        }
    for (; i < n; ++i) {
        double value;
        memcpy(&value, row + i * stride, sizeof value);
        int there = value == value;
        total[i] += there ? value : 0.0;
        count[i] += there;
    }
}

/* A buffer of n doubles in one dimension. */
static int is_row(const Py_buffer *row, Py_ssize_t n)
{
    return row->ndim == 1 && row->shape[0] == n && row->format && strcmp(row->format, "d") == 0;
}

static PyObject *added(PyObject *module, PyObject *args)
{
    PyObject *rows;
    Py_buffer total, count;
    (void)module;
    if (!PyArg_ParseTuple(args, "Ow*w*", &rows, &total, &count))
        return NULL;
    PyObject *answer = NULL;
    Py_ssize_t n = total.len / (Py_ssize_t)sizeof(double), held = 0, many = PySequence_Size(rows);
    Py_buffer *views = NULL;
    if (many < 0)
        goto done;
    if (many > MOST_ROWS || count.len != total.len) {
        PyErr_SetString(PyExc_ValueError, "too many rows, or not as many counts as sums");
        goto done;
    }
    views = PyMem_Calloc(many ? many : 1, sizeof *views);
    if (!views) {
        PyErr_NoMemory();
        goto done;
    }
    for (; held < many; ++held) {
        PyObject *row = PySequence_GetItem(rows, held);
        int failed = !row || PyObject_GetBuffer(row, &views[held], PyBUF_RECORDS_RO) != 0;
        Py_XDECREF(row); /* its buffer keeps it */
        if (failed)
            goto done;
        if (!is_row(&views[held], n)) {
            ++held;
            PyErr_SetString(PyExc_ValueError, "a row is not of doubles, or not as long as the sums");
            goto done;
        }
    }
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t i = 0; i < many; ++i)
        add(views[i].buf, views[i].strides[0], n, total.buf, count.buf);
    Py_END_ALLOW_THREADS
    answer = Py_NewRef(Py_None);
done:
    while (held > 0)
        PyBuffer_Release(&views[--held]);
    PyMem_Free(views);
    PyBuffer_Release(&total);
    PyBuffer_Release(&count);
    return answer;
}

static PyMethodDef methods[] = {
    {"decoded", decoded, METH_VARARGS,
     "decoded(points, times, out)\n--\n\nValues of whisper's points into rows of doubles; NaN where the time is another."},
    {"added", added, METH_VARARGS,
     "added(rows, total, count)\n--\n\nAdd rows of doubles, one after another; NaN adds nothing and does not count."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {{0, NULL}};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_rows",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__rows(void)
{
    return PyModuleDef_Init(&definition);
}
