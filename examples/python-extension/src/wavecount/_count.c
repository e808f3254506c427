#define PY_SSIZE_T_CLEAN
#include <Python.h>

static PyObject *crossings(PyObject *self, PyObject *samples)
{
    (void)self;
    PyObject *items = PySequence_Fast(samples, "a sequence of numbers is expected");
    if (items == NULL)
        return NULL;
    Py_ssize_t count = 0;
    double before = 0;
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items); i++) {
        double now = PyFloat_AsDouble(PySequence_Fast_GET_ITEM(items, i));
        if (now == -1.0 && PyErr_Occurred()) {
            Py_DECREF(items);
            return NULL;
        }
        if ((before < 0 && now > 0) || (before > 0 && now < 0))
            count++;
        if (now != 0)
            before = now;
    }
    Py_DECREF(items);
    return PyLong_FromSsize_t(count);
}

static PyMethodDef methods[] = {
    {"crossings", crossings, METH_O, "Count the changes of sign in a sequence of numbers."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "wavecount._count",
    .m_size = 0,
    .m_methods = methods,
};

PyMODINIT_FUNC PyInit__count(void)
{
    return PyModuleDef_Init(&module);
}
